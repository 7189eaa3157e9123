"""Registry files as tables: XLSX with Chinese or English headings, CSV in several encodings, the returned file."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from devices.files import Checked, changes_of, read, write, write_remarks, write_template
from devices.files.headings import columns_of, headings_of
from devices.files.words import SECTIONS_ZH
from devices.registry import Change, Registry

Sheets = dict[str, list[list[Any]]]

GOOD: Sheets = {
    "说明": [["请逐行填写"]],
    "网格": [
        ["编号", "中文名称", "上级编号", "监督员编号"],
        ["gulou", "鼓楼区", None, "p-7、p-8"],
        ["hunan-lu", "湖南路", "gulou", None],
    ],
    "单位": [
        ["单位登记表", None, None],
        ["编号*", "中文名称", "英文名称", "类型", "联系人编号"],
        ["wtp-1", "一水厂", "Works 1", "水厂", "p-7；p-8"],
    ],
    "场所": [
        ["编号", "名称", "类型", "单位编号", "网格", "纬度", "经度", "消毒剂", "状态", "限值标准", "失效时间"],
        [
            "wtp-1-out",
            "出厂水",
            "出厂水",
            "wtp-1",
            "gulou/hunan-lu",
            32.06,
            118.77,
            "氯胺",
            "在用",
            "gb5749-2022",
            None,
        ],
        [None] * 11,
        [1001, "北门", "末梢水", "wtp-1", "gulou", None, None, "游离氯", "试运行", None, dt.datetime(2030, 1, 1)],  # noqa: DTZ001 - as a spreadsheet has it
    ],
    "设备": [["编号", "类型", "场所编号", "上报间隔（秒）"], ["wq-1", "水质监测仪", "wtp-1-out", 60.0]],
    "通道": [
        ["设备编号", "参数", "测点", "通道名", "计量单位", "量程", "测量方式"],
        ["wq-1", "余氯", None, None, None, "0, 5", "连续"],
        ["wq-1", "电导率", None, "EC", "mS/cm", None, None],
        ["wq-1", "水温", "in", None, "℃", None, None],
    ],
    "人员": [
        ["编号", "工牌号", "角色", "姓名", "电话"],
        ["p-7", "0412", "监督员", "林一", 13900000001],
        ["p-8", 1177, "联系人", "周二", None],
    ],
    "数据源": [
        ["主题过滤器", "设备规则", "编解码", "字段映射", "字段单位", "时间字段", "时间格式", "无效值"],
        [
            "dtu/+/data",
            "topic[1]",
            "json-map",
            "Cl=chlorine_free; $.a.t=temperature@in",
            None,
            "t",
            "unix_s",
            "-999, NA",
        ],
    ],
}


def xlsx(file: Path, sheets: Sheets) -> Path:
    """A workbook with these sheets."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(file)
    return file


def good() -> Sheets:
    """A copy of the good workbook to spoil."""
    return {title: [list(row) for row in rows] for title, rows in GOOD.items()}


def lines(checked: Checked, language: str = "zh") -> list[str]:
    """The faults as text."""
    return [fault.line("zh" if language == "zh" else "en") for fault in checked.faults]


def test_a_workbook_with_chinese_headings_and_words_is_read(tmp_path: Path) -> None:
    """Sheet names, headings and values in Chinese, title rows, empty rows and typed cells make the right entries."""
    checked = read(xlsx(tmp_path / "登记.xlsx", good()))
    assert not lines(checked)
    entries = checked.document.entries
    assert entries["units"]["wtp-1"] == {
        "id": "wtp-1",
        "name": {"zh": "一水厂", "en": "Works 1"},
        "kind": "waterworks",
        "contacts": ["p-7", "p-8"],
    }
    assert entries["places"]["wtp-1-out"]["disinfectant"] == "total_chlorine"
    assert entries["places"]["1001"]["state"] == "trial"
    assert entries["places"]["1001"]["to"] == 1_893_427_200_000
    assert entries["grid"]["gulou"]["officers"] == ["p-7", "p-8"]
    assert entries["devices"]["wq-1"] == {
        "id": "wq-1",
        "kind": "water",
        "place": "wtp-1-out",
        "report_s": 60,
        "channels": [
            {"parameter": "chlorine_free", "point": "-", "mode": "continuous", "range": [0.0, 5.0]},
            {"parameter": "conductivity", "point": "-", "name": "EC", "unit": "mS/cm"},
            {"parameter": "temperature", "point": "in", "unit": "degC"},
        ],
    }
    assert [person["badge"] for person in entries["people"].values()] == ["0412", "1177"]
    assert checked.document.private["p-7"] == {"name": "林一", "phone": "13900000001"}
    (source,) = entries["sources"].values()
    assert source["map"] == {"Cl": "chlorine_free", "$.a.t": "temperature@in"}
    assert source["skip"] == ["-999", "NA"]


def test_all_faults_of_a_workbook_come_at_once_with_sheet_row_and_column(tmp_path: Path) -> None:
    """Each fault names the sheet, the row and the heading as they stand in the file, and what is allowed."""
    sheets = good()
    sheets["单位"][2][3] = "学校"
    sheets["场所"][1][5] = "北纬32度"
    sheets["场所"][1][3] = "wtp-9"
    sheets["场所"][3][0] = "wtp-1-out"
    sheets["设备"][1][1] = None
    sheets["通道"][2][4] = "psi"
    sheets["通道"].append(["wq-9", "pH", None, None, None, None, None])
    sheets["通道"].append([None, "pH", None, None, None, None, None])
    sheets["人员"][0].append("微信")
    sheets["数据源"][1][3] = "Cl"
    sheets["附件"] = [["x"]]
    found = lines(read(xlsx(tmp_path / "a.xlsx", sheets)))
    kinds = "水厂/waterworks、物业/property_manager、医院/hospital、诊所/clinic、运输单位/carrier、处置单位/plant"
    for expected in (
        f"单位 第3行 “类型”列：“学校”不在允许范围内；允许：{kinds}",
        "场所 第2行 “纬度”列：“北纬32度”须为数值",
        "场所 第2行 “单位编号”列：“wtp-9”在“单位”中不存在",
        "设备 第2行 “类型”列：必填",
        "通道 第3行 “计量单位”列：“psi”单位无法换算；此处允许：uS/cm, mS/cm",
        "通道 第5行 “设备编号”列：“wq-9”在“设备”中不存在",
        "通道 第6行 “设备编号”列：必填",
        "数据源 第2行 “字段映射”列：“Cl”须为键值对：key=value; key=value",
    ):
        assert expected in found
    assert any(line.startswith("人员 第1行 “微信”列：“微信”不认识；允许：编号/id") for line in found)
    assert any(line.startswith("附件：“附件”不是登记表") for line in found)
    assert len(found) == 12


def test_a_number_that_a_spreadsheet_has_spoilt_is_a_fault(tmp_path: Path) -> None:
    """A credit code typed as a number of 18 digits has lost its end; the fault says what to do."""
    sheets: Sheets = {"单位": [["编号", "名称", "类型", "统一社会信用代码"], ["u", "x", "诊所", 913201001234567890]]}
    assert "数字过长已失真，请将该列设为文本格式" in lines(read(xlsx(tmp_path / "a.xlsx", sheets)))[0]


def test_a_doubled_heading_is_a_fault(tmp_path: Path) -> None:
    """Two columns for one thing are refused, whatever their language."""
    sheets: Sheets = {"grid": [["id", "名称", "name"], ["a", "A", "B"]]}
    assert lines(read(xlsx(tmp_path / "a.xlsx", sheets)), "en") == [
        "grid, row 1, column name: 'name' occurs twice; first in 名称"
    ]


def test_tables_without_channels_leave_registered_channels(tmp_path: Path) -> None:
    """A list of devices alone does not wipe their channels; an empty channels sheet does."""
    current = Registry()
    device = {"id": "d", "kind": "water", "channels": [{"parameter": "ph", "point": "-"}]}
    current.apply([Change("devices", "d", device)], 0)
    sheets: Sheets = {"devices": [["id", "kind", "report_s"], ["d", "water", 60]]}
    (change,) = changes_of(read(xlsx(tmp_path / "a.xlsx", sheets), current).document, current)
    assert change.body == {**device, "report_s": 60}
    sheets["channels"] = [["device", "parameter"]]
    (change,) = changes_of(read(xlsx(tmp_path / "b.xlsx", sheets), current).document, current)
    assert change.body == {"id": "d", "kind": "water", "report_s": 60}


def test_channels_find_the_period_of_their_device(tmp_path: Path) -> None:
    """With ``device_from`` a channel belongs to one period, without it to all."""
    sheets: Sheets = {
        "devices": [
            ["id", "kind", "from", "to"],
            ["d", "water", None, "2025-01-01"],
            ["d", "water", "2025-01-01", None],
        ],
        "channels": [["device", "device_from", "parameter"], ["d", None, "ph"], ["d", dt.date(2025, 1, 1), "toc"]],
    }
    checked = read(xlsx(tmp_path / "a.xlsx", sheets))
    assert not lines(checked)
    periods = checked.document.entries["devices"]["d"]["periods"]
    assert [[channel["parameter"] for channel in period["channels"]] for period in periods] == [["ph"], ["ph", "toc"]]


def test_the_returned_workbook_has_a_remark_column_and_can_be_sent_in_again(tmp_path: Path) -> None:
    """Every fault stands in the 备注 column of its row; corrected, the same file imports."""
    sheets = good()
    sheets["单位"][2][3] = "学校"
    sheets["场所"][3][2] = "河水"
    sheets["人员"][0].append("微信")
    file = xlsx(tmp_path / "a.xlsx", sheets)
    checked = read(file)
    assert len(checked.faults) == 3
    out = tmp_path / "b.xlsx"
    write_remarks(file, out, checked.faults)
    book = load_workbook(out)
    assert [book["单位"].cell(2, 6).value, book["单位"].cell(3, 6).value] == ["备注", checked.faults[0].line("zh")]
    assert book["场所"].cell(4, 12).value == next(one.line("zh") for one in checked.faults if one.sheet == "场所")
    assert str(book["人员"].cell(1, 7).value).startswith("备注\n人员 第1行")
    assert book["单位"].cell(3, 4).fill.fgColor.rgb == "00FFE08A"
    assert lines(read(out)) == lines(checked)
    book["单位"].cell(3, 4).value = "水厂"
    book["场所"].cell(4, 3).value = "末梢水"
    book["人员"].cell(1, 6).value = None
    book.save(out)
    again = read(out)
    assert not lines(again)
    write_remarks(out, tmp_path / "c.xlsx", again.faults)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_in_the_encodings_of_the_trade(tmp_path: Path, encoding: str, delimiter: str) -> None:
    """UTF-8 with and without BOM and GB 18030, comma, semicolon and tab; the file's name is the section."""
    file = tmp_path / "场所.csv"
    rows = [["编号", "中文名称", "类型"], ["p-1", "出厂水", "出厂水"]]
    file.write_text("\n".join(delimiter.join(row) for row in rows), encoding=encoding)
    checked = read(file)
    assert not lines(checked)
    assert checked.document.entries["places"]["p-1"]["name"] == {"zh": "出厂水"}


@pytest.mark.parametrize("heading", ["section", "登记表", "kind"])
def test_one_csv_may_hold_several_sections(tmp_path: Path, heading: str) -> None:
    """A column says which section a row is of; ``kind`` does where all its values are sections."""
    file = tmp_path / "all.csv"
    file.write_text(f"{heading},id,name,division_g\ngrid,a,A,\n衡器,s,,10\n", encoding="utf-8")
    checked = read(file)
    assert not lines(checked)
    assert checked.document.entries == {
        "grid": {"a": {"id": "a", "name": "A"}},
        "scales": {"s": {"id": "s", "division_g": 10}},
    }


def test_a_csv_of_unknown_section_is_a_fault(tmp_path: Path) -> None:
    """Where neither name nor column say what a file or row is, the fault lists the sections."""
    file = tmp_path / "list.csv"
    file.write_text("id,name\na,A\n", encoding="utf-8")
    assert lines(read(file), "en")[0].startswith("list.csv: 'list.csv' is no section; allowed: units, places")
    file.write_text("section,id,name\ngird,a,A\n", encoding="utf-8")
    assert lines(read(file), "en")[0].startswith("list.csv, row 2, column section: 'gird' is no section")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.xlsx", b"no zip", "no valid XLSX"),
        ("grid.csv", b"id,name\n\xff\xff\xff", "neither UTF-8 nor GB 18030"),
        ("grid.csv", b'id,name\n"a,A\n', "no valid CSV"),
    ],
)
def test_a_file_that_is_no_table_has_a_fault_and_a_list_comes_back(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    """Broken files are said in one line; the returned file is then the list of faults."""
    file = tmp_path / name
    file.write_bytes(data)
    checked = read(file)
    assert words in lines(checked, "en")[0]
    write_remarks(file, tmp_path / f"out-{name}", checked.faults, "en")
    assert words in (tmp_path / f"out-{name}").read_text(encoding="utf-8-sig")


def test_an_empty_folder_is_a_fault(tmp_path: Path) -> None:
    """A folder without CSV files holds no registry."""
    assert lines(read(tmp_path), "en") == [f"{tmp_path.name}: the folder holds no *.csv"]


def test_the_returned_csv_has_a_remark_column_in_the_same_encoding(tmp_path: Path) -> None:
    """File and folder come back with the faults of each row, readable in the encoding they came in."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "场所.csv").write_text("编号,名称,类型\np-1,出厂水,出厂水\np-2,河,河水\n", encoding="gb18030")
    (folder / "grid.csv").write_text("id,name\na b,A\n", encoding="utf-8")
    checked = read(folder)
    write_remarks(folder, tmp_path / "out", checked.faults)
    with (tmp_path / "out" / "场所.csv").open(encoding="gb18030", newline="") as out:
        rows = list(csv.reader(out))
    assert rows[0] == ["编号", "名称", "类型", "备注"]
    assert rows[1][3] == ""
    assert rows[2][3].startswith("场所.csv 第3行 “类型”列：“河水”不在允许范围内")
    assert "must be 1 to 64" in (tmp_path / "out" / "grid.csv").read_text(encoding="utf-8")
    assert lines(read(tmp_path / "out")) == lines(checked)
    write_remarks(folder / "场所.csv", tmp_path / "one.csv", read(folder / "场所.csv").faults, "en")
    assert "row 3, column 类型" in (tmp_path / "one.csv").read_text(encoding="gb18030")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_template_has_every_column_and_imports_as_nothing(tmp_path: Path, language: str) -> None:
    """An empty template is valid; a row filled in with offered words is too."""
    file = tmp_path / "template.xlsx"
    write_template(file, language="zh" if language == "zh" else "en")
    checked = read(file)
    assert not lines(checked)
    assert checked.document.entries == {}
    book = load_workbook(file)
    assert len(book.sheetnames) == len(SECTIONS_ZH)
    places = book["场所" if language == "zh" else "places"]
    headings = [cell.value for cell in places[1]]
    assert headings[0] == ("编号*" if language == "zh" else "id*")
    kind = headings.index("类型*" if language == "zh" else "kind*")
    offered = [one.formula1 for one in places.data_validations.dataValidation]
    assert any("末梢水" in one if language == "zh" else "network_end" in one for one in offered)
    places.cell(2, 1).value = "p"
    places.cell(2, kind + 1).value = "末梢水" if language == "zh" else "network_end"
    book.save(file)
    assert read(file).document.entries["places"]["p"]["kind"] == "network_end"


def test_headings_are_unambiguous() -> None:
    """In no section do two columns share a heading, in either language."""
    for section in SECTIONS_ZH:
        columns = columns_of(section)
        assert len({column.zh for column in columns}) == len(columns)
        known = headings_of(section)
        for column in columns:
            for language in ("zh", "en"):
                heading = column.heading("zh" if language == "zh" else "en")
                assert known[heading.replace("（", "(").replace("）", ")").casefold()] is column


def test_a_city_is_imported_in_seconds(tmp_path: Path) -> None:
    """1,200 places and devices with channels come in from a workbook without a fault, well under the ten seconds."""
    registry = Registry()
    bodies = [("grid", {"id": "a", "name": "A"})]
    for number in range(1200):
        place = {
            "id": f"p-{number}",
            "kind": "network_end",
            "grid": "a",
            "lat": 32.0,
            "lon": 118.0,
            "state": "accepted",
        }
        channels = [{"parameter": name, "point": "-"} for name in ("chlorine_free", "turbidity", "ph")]
        device = {"id": f"d-{number}", "kind": "water", "place": f"p-{number}", "channels": channels}
        bodies += [("places", place), ("devices", device)]
    registry.apply([Change(kind, str(body["id"]), body) for kind, body in bodies], 0)
    file = tmp_path / "city.xlsx"
    write(registry, file)
    began = dt.datetime.now(dt.UTC)
    checked = read(file, registry)
    took = (dt.datetime.now(dt.UTC) - began).total_seconds()
    assert not lines(checked)
    assert changes_of(checked.document, registry) == []
    assert took < 10
