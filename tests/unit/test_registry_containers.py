"""Registry files: re-usable containers, label ranges, and when a unit's waste is collected."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.files import changes_of, read, write
from devices.registry import Change, Registry

HEAD = """
units:
  - {id: hosp-1, kind: hospital, calendar: office, collection: {every: daily, by: "6:30"}}
  - {id: hosp-2, kind: hospital}
calendars: [{id: office}]
"""
EPC = "3375D4400000000000000001"


def faults(tmp_path: Path, text: str, current: Registry | None = None) -> list[str]:
    """The faults of a file that begins with ``HEAD``."""
    file = tmp_path / "r.yaml"
    file.write_text(f"{HEAD}{text}\n", encoding="utf-8")
    return [fault.line() for fault in read(file, current).faults]


def test_sections_are_read_and_spelt_one_way(tmp_path: Path) -> None:
    """Hex in capitals, times of day with two digits, numbers as numbers."""
    file = tmp_path / "r.yaml"
    file.write_text(
        f"""{HEAD}
containers:
  - {{id: bin-1, kind: bin, unit: hosp-1, tare_g: 5200, max_g: 60000,
     ids: [{{k: qr, v: BIN-1}}, {{k: epc, v: {EPC.lower()}}}]}}
labels:
  - {{id: l-1, unit: hosp-1, prefix: MW, first: 1, last: "500", digits: 8}}
""",
        encoding="utf-8",
    )
    checked = read(file)
    assert checked.faults == []
    entries = checked.document.entries
    assert entries["units"]["hosp-1"]["collection"] == {"every": "daily", "by": "06:30"}
    assert entries["containers"]["bin-1"]["ids"] == [{"k": "qr", "v": "BIN-1"}, {"k": "epc", "v": EPC}]
    label = {"id": "l-1", "unit": "hosp-1", "prefix": "MW", "first": 1, "last": 500, "digits": 8}
    assert entries["labels"]["l-1"] == label


def test_chinese_tables_say_the_same(tmp_path: Path) -> None:
    """Headings, sheet names and words in Chinese; ids on a sheet of their own."""
    folder = tmp_path / "in"
    folder.mkdir()
    sheets = {
        "单位": "编号,类型,收集周期,最晚收集时刻\nhosp-1,医院,每天,16:30:00\n",
        "周转容器": "编号,类型,单位编号,皮重（克）\nbin-1,周转箱,hosp-1,5200\n",
        "容器标识": f"容器编号,标识类型,标识内容\nbin-1,二维码,BIN-1\nbin-1,电子标签,{EPC}\n",
        "标签号段": "编号,单位编号,前缀,起始号,终止号,位数\nl-1,hosp-1,MW,1,500,8\n",
    }
    for name, text in sheets.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    checked = read(folder)
    assert [fault.line("zh") for fault in checked.faults] == []
    entries = checked.document.entries
    assert entries["units"]["hosp-1"]["collection"] == {"every": "daily", "by": "16:30"}
    assert entries["containers"]["bin-1"]["kind"] == "bin"
    assert entries["containers"]["bin-1"]["ids"] == [{"k": "qr", "v": "BIN-1"}, {"k": "epc", "v": EPC}]
    known = Registry()
    known.apply(changes_of(checked.document, Registry()), 0)
    write(known, tmp_path / "out.xlsx")
    assert changes_of(read(tmp_path / "out.xlsx").document, known) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("containers: [{id: b, kind: bin}]", "column ids: is missing"),
        (
            "containers: [{id: b, kind: box, ids: [{k: qr, v: A}]}]",
            "'box' is not allowed; allowed: bin, pallet, trolley",
        ),
        ("containers: [{id: b, kind: bin, unit: gone, ids: [{k: qr, v: A}]}]", "'gone' is not in units"),
        ("containers: [{id: b, kind: bin, ids: [{k: tid, v: E2801160}]}]", "'tid' is not allowed"),
        ("containers: [{id: b, kind: bin, ids: [{k: epc, v: XY}]}]", "'XY' must be the hex of an EPC"),
        (f"containers: [{{id: b, kind: bin, ids: [{{k: epc, v: {'0' * 24}}}]}}]", "must be the hex of an EPC"),
        (f"containers: [{{id: b, kind: bin, ids: [{{k: epc, v: E2{'80' * 11}}}]}}]", "must be the hex of an EPC"),
        ("containers: [{id: b, kind: bin, ids: [{k: qr, v: A}, {k: qr, v: B}]}]", "'qr' occurs twice; first in ids[0]"),
        (
            "containers: [{id: b, kind: bin, ids: [{k: qr, v: A}]}, {id: c, kind: bin, ids: [{k: text, v: A}]}]",
            "'A' occurs twice; first in containers b",
        ),
        (
            (
                f"containers: [{{id: b, kind: bin, ids: [{{k: epc, v: {EPC}}}]}},"
                f" {{id: c, kind: bin, ids: [{{k: epc, v: {EPC}0000}}]}}]"
            ),
            "occurs twice; first in containers b",
        ),
        ("labels: [{id: l, unit: gone, prefix: M, first: 1, last: 2, digits: 3}]", "'gone' is not in units"),
        (
            "labels: [{id: l, unit: hosp-1, prefix: M, first: 5, last: 2, digits: 3}]",
            "must be a whole number >= first (5)",
        ),
        ("labels: [{id: l, unit: hosp-1, prefix: M, first: 1, last: 1000, digits: 3}]", "must be a whole number >= 4"),
        ("labels: [{id: l, unit: hosp-1, prefix: M, first: -1, last: 2, digits: 3}]", "must be a number >= 0"),
        (
            (
                "labels: [{id: l, unit: hosp-1, prefix: M, first: 1, last: 50, digits: 3},"
                " {id: m, unit: hosp-2, prefix: M, first: 50, last: 60, digits: 3}]"
            ),
            "'50' overlaps the numbers of labels l",
        ),
        (
            (
                "labels: [{id: l, unit: hosp-1, prefix: M, first: 100, last: 199, digits: 3},"
                " {id: m, unit: hosp-1, prefix: M1, first: 50, last: 60, digits: 2}]"
            ),
            "'50' overlaps the numbers of labels l",
        ),
        (
            (
                "labels: [{id: l, unit: hosp-1, prefix: M, first: 1, last: 99, digits: 3},"
                " {id: m, unit: hosp-1, prefix: M, first: 2, last: 3, digits: 3},"
                " {id: n, unit: hosp-1, prefix: M, first: 50, last: 60, digits: 3}]"
            ),
            "'50' overlaps the numbers of labels l",
        ),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, words: str) -> None:
    """What is missing, not allowed, dangling, or another one's already."""
    found = faults(tmp_path, text)
    assert any(words in one for one in found), found


@pytest.mark.parametrize(
    "text",
    [
        (
            "labels: [{id: l, unit: hosp-1, prefix: M, first: 1, last: 50, digits: 3},"
            " {id: m, unit: hosp-2, prefix: M, first: 51, last: 60, digits: 3},"
            " {id: n, unit: hosp-2, prefix: M, first: 1, last: 50, digits: 4},"
            " {id: o, unit: hosp-2, prefix: N, first: 1, last: 50, digits: 3}]"
        ),
        (
            "labels: [{id: l, unit: hosp-1, prefix: M, first: 1, last: 50, digits: 3, to: 2026-01-01},"
            " {id: m, unit: hosp-2, prefix: M, first: 1, last: 50, digits: 3, from: 2026-01-01}]"
        ),
        (
            "containers: [{id: b, kind: bin, ids: [{k: qr, v: A}], to: 2026-01-01},"
            " {id: b, kind: bin, ids: [{k: qr, v: A}, {k: text, v: B}], from: 2026-01-01}]"
        ),
    ],
)
def test_neighbours_and_successors_are_no_fault(tmp_path: Path, text: str) -> None:
    """Ranges side by side or one after the other, and a bin that gets another id."""
    assert faults(tmp_path, text) == []


def test_what_is_registered_already_counts(tmp_path: Path) -> None:
    """A file may not take the ids and numbers of entries that it does not replace."""
    known = Registry()
    known.apply(
        [
            Change("containers", "b", {"id": "b", "kind": "bin", "ids": [{"k": "qr", "v": "A"}]}),
            Change("labels", "l", {"id": "l", "unit": "hosp-1", "prefix": "M", "first": 1, "last": 50, "digits": 3}),
        ],
        0,
    )
    bins = "containers: [{id: c, kind: bin, ids: [{k: qr, v: A}]}]\n"
    labels = "labels: [{id: m, unit: hosp-1, prefix: M, first: 0, last: 7, digits: 3}]"
    found = faults(tmp_path, bins + labels, known)
    assert [fault.partition(": ")[2] for fault in found] == [
        "'A' occurs twice; first in containers b",
        "'0' overlaps the numbers of labels l",
    ]
    assert faults(tmp_path, (bins + labels).replace("id: c", "id: b").replace("id: m", "id: l"), known) == []


@pytest.mark.parametrize(("raw", "good"), [("24:00", False), ("7", False), ("7:5", False), ("07:05", True)])
def test_time_of_collection_is_a_time_of_day(tmp_path: Path, raw: str, good: bool) -> None:
    """``by`` is a local time."""
    unit = f'  - {{id: x, kind: clinic, collection: {{every: weekly, by: "{raw}"}}}}\n'
    file = tmp_path / "r.yaml"
    file.write_text(f"units:\n{unit}", encoding="utf-8")
    assert (read(file).faults == []) is good
