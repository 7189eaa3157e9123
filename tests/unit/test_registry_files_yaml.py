"""Registry files in YAML: reading, judging, changes, and the returned file."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.files import changes_of, read, write, write_remarks
from devices.registry import Change, Registry

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy" / "examples" / "registry.yaml"

WRONG = """\
units:
  - {id: wtp-1, name: {zh: 一水厂, en: Works 1}, kind: waterworks, contacts: [p-12]}
  - {id: hosp-1, name: 一医院, kind: hospitl, contacts: [p-7, p-3]}
places:
  - {id: out, unit: wtp-1, kind: water_outlet, grid: gulou/hunan-lu,
     lat: 32.06, lon: 218.77}
  - {id: out, unit: wtp-2, kind: water_outlet, grid: hunan-lu}
grid:
  - {id: gulou, name: 鼓楼区, officers: [p-7]}
  - {id: hunan-lu, name: 湖南路, parent: gulou}
devices:
  - {id: wq-1, place: ou, kind: water, report_s: sixty,
     channels: [{parameter: turbidity}, {parameter: conductivity, name: EC, unit: psi}]}
people: [{id: p-7, badge: 0412, unit: hosp-1, role: officer, phone: 0138}]
vehicles: []
sources:
  - {filter: "dtu/+", device: "=wq-9"}
farms: [1]
"""

FAULTS = [
    (
        "farms, line 18: 'farms' is no section; allowed: "
        "units, places, grid, devices, scales, people, vehicles, containers, labels, calendars, teams, sources"
    ),
    "units, line 2, column contacts[0]: 'p-12' is not in people",
    (
        "units, line 3, column kind: 'hospitl' is not allowed; allowed: "
        "waterworks, property_manager, hospital, clinic, carrier, plant"
    ),
    "units, line 3, column contacts[1]: 'p-3' is not in people",
    "places, line 6, column lon: '218.77' must be a number <= 180.0",
    "places, line 7, column id: 'out' occurs twice; first in places 5",
    "places, line 7, column unit: 'wtp-2' is not in units",
    "places, line 7, column grid: 'hunan-lu' must be the path from the top of the grid; allowed: gulou/hunan-lu",
    "devices, line 12, column report_s: 'sixty' must be a whole number",
    "devices, line 12, column place: 'ou' is not in places",
    "devices, line 13, column channels[1].unit: 'psi' cannot be converted; allowed here: uS/cm, mS/cm",
    "sources, line 17, column device: 'wq-9' is not in devices",
]


def yaml(tmp_path: Path, text: str) -> Path:
    """A YAML file with this text."""
    file = tmp_path / "registry.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def lines(path: Path, current: Registry | None = None) -> list[str]:
    """The faults of a file in English."""
    return [fault.line("en") for fault in read(path, current).faults]


def test_the_example_that_we_ship_is_valid_and_imports_once() -> None:
    """No fault; importing it makes changes, importing it again makes none."""
    checked = read(EXAMPLE)
    assert not checked.faults
    registry = Registry()
    changes = changes_of(checked.document, registry)
    assert {change.kind for change in changes} >= {"units", "places", "grid", "devices", "people", "sources"}
    registry.apply(changes, 0)
    assert changes_of(read(EXAMPLE, registry).document, registry) == []
    assert registry.tags("climate-1") == ("climate-1", "store_climate", "hosp-1-store", "hosp-1", "xihe")


def test_all_faults_come_at_once_with_section_line_value_and_what_is_allowed(tmp_path: Path) -> None:
    """Wrong values, dangling references, doubled ids and unknown sections are listed together."""
    assert lines(yaml(tmp_path, WRONG)) == FAULTS


def test_faults_speak_chinese(tmp_path: Path) -> None:
    """The same fault in Chinese names section, row, column, value and what is allowed."""
    faults = read(yaml(tmp_path, WRONG)).faults
    assert faults[2].line("zh") == (
        "units 第3行 “kind”列：“hospitl”不在允许范围内；"
        "允许：水厂/waterworks、物业/property_manager、医院/hospital、诊所/clinic、运输单位/carrier、处置单位/plant"
    )
    assert faults[1].line("zh") == "units 第2行 “contacts[0]”列：“p-12”在“人员”中不存在"


def test_a_reference_to_what_is_registered_already_is_none_that_dangles(tmp_path: Path) -> None:
    """References are looked up in the file and in the registry."""
    file = yaml(tmp_path, "places: [{id: p, kind: network, unit: u, grid: a/b}]")
    assert lines(file) == [
        "places, line 1, column unit: 'u' is not in units",
        "places, line 1, column grid: 'b' is not in grid",
    ]
    current = Registry()
    grid = [{"id": "a", "name": "A"}, {"id": "b", "name": "B", "parent": "a"}]
    current.apply([Change("units", "u", {"id": "u"}), *(Change("grid", one["id"], one) for one in grid)], 0)
    assert lines(file, current) == []


def test_scalars_stay_what_was_written(tmp_path: Path) -> None:
    """A badge keeps its zero, a word like ``no`` is a word, a date is a date, numbers are numbers where they count."""
    text = (
        "people: [{id: 0012, badge: 0412, role: officer, name: no}]\n"
        "scales: [{id: s, division_g: 10, certificate: {number: 1.10, until: 2027-03-01}}]\n"
    )
    checked = read(yaml(tmp_path, text))
    assert not checked.faults
    assert checked.document.entries["people"]["0012"] == {"id": "0012", "badge": "0412", "role": "officer"}
    assert checked.document.private == {"0012": {"name": "no"}}
    assert checked.document.entries["scales"]["s"]["certificate"] == {"number": "1.10", "until": "2027-03-01"}
    assert checked.document.entries["scales"]["s"]["division_g"] == 10


def test_names_and_numbers_of_people_are_in_no_change(tmp_path: Path) -> None:
    """What goes to the journal holds no private data; they stand apart, by person."""
    text = "people: [{id: p, role: driver, name: {zh: 李四}, phone: '13800000000', email: a@b.cn}]"
    checked = read(yaml(tmp_path, text))
    changes = changes_of(checked.document, Registry())
    assert changes == [Change("people", "p", {"id": "p", "role": "driver"})]
    assert checked.document.private == {"p": {"name": {"zh": "李四"}, "phone": "13800000000", "email": "a@b.cn"}}


def test_one_id_may_occur_in_periods_that_do_not_overlap(tmp_path: Path) -> None:
    """Periods are put in order; the registry picks one by time."""
    text = """\
places:
  - {id: p, kind: network, disinfectant: ozone, from: 2025-03-01}
  - {id: p, kind: network, disinfectant: free_chlorine, to: 2025-01-01}
  - {id: p, kind: network, disinfectant: total_chlorine, from: 2025-01-01, to: 2025-03-01}
"""
    checked = read(yaml(tmp_path, text))
    assert not checked.faults
    registry = Registry()
    registry.apply(changes_of(checked.document, registry), 0)
    march = 1_740_758_400_000
    held = [registry.get("places", "p", at) for at in (0, march - 1, march)]
    assert [one and one["disinfectant"] for one in held] == ["free_chlorine", "total_chlorine", "ozone"]


@pytest.mark.parametrize(
    ("second", "fault"),
    [
        ("from: 2025-01-01", "column from: 'p' holds at the same time as places 2; give each its from and to"),
        (
            "from: 2024-01-01, to: 2026-01-01",
            "column from: 'p' holds at the same time as places 2; give each its from and to",
        ),
        ("to: 2024-01-01", ""),
        ("from: 2025-03-01", ""),
    ],
)
def test_periods_that_overlap_are_a_fault(tmp_path: Path, second: str, fault: str) -> None:
    """Two entries of one id may not hold at the same time; ``to`` is exclusive."""
    text = (
        "places:\n  - {id: p, kind: network, from: 2024-01-01, to: 2025-03-01}\n"
        f"  - {{id: p, kind: network, {second}}}\n"
    )
    found = lines(yaml(tmp_path, text))
    assert found == ([f"places, line 3, {fault}"] if fault else [])


def test_circles_of_parents_are_a_fault(tmp_path: Path) -> None:
    """A grid entry or place below itself is named with the circle."""
    text = (
        "grid: [{id: a, name: A, parent: b}, {id: b, name: B, parent: a}]\nplaces: [{id: p, kind: network, parent: p}]"
    )
    assert lines(yaml(tmp_path, text)) == [
        "places, line 2, column parent: 'p' stands below itself: p > p",
        "grid, line 1, column parent: 'b' stands below itself: a > b > a",
        "grid, line 1, column parent: 'a' stands below itself: b > a > b",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("places: [", "no valid YAML"),
        ("- 1", "holds no sections"),
        ("", "holds no sections"),
        ("places: 5", "must be a list"),
        ("places: [5]", "must be keys with values"),
        ("places: [{id: p, kind: network, id: q}]", "occurs twice"),
        ("places: [{id: p, kind: network, knd: q}]", "allowed: kind, "),
        ("devices: [{id: d, kind: water, channels: {a: b}}]", "must be a list"),
        ("devices: [{id: d, kind: water, channels: [ph]}]", "must be keys with values"),
        ("a: &a [x,x,x,x,x,x,x,x]\nplaces: [{b: &b [*a,*a,*a,*a,*a,*a,*a,*a]}, &c {c: *c}]", "unfolds to more"),
    ],
)
def test_a_file_of_the_wrong_form_has_a_fault_and_no_traceback(tmp_path: Path, text: str, words: str) -> None:
    """Broken YAML, other shapes and anchors without end are said in one line."""
    assert any(words in line for line in lines(yaml(tmp_path, text)))


def test_a_file_that_is_not_there_or_of_another_kind_has_a_fault(tmp_path: Path) -> None:
    """A missing file and an unknown suffix are faults that say so."""
    assert lines(tmp_path / "none.yaml") == ["none.yaml: No such file or directory"]
    (tmp_path / "a.doc").write_text("x")
    assert "allowed: .yaml" in lines(tmp_path / "a.doc")[0]


def test_a_file_in_gb18030_is_read(tmp_path: Path) -> None:
    """Chinese YAML saved by an old editor is understood."""
    file = tmp_path / "r.yaml"
    file.write_bytes("grid: [{id: a, name: 鼓楼区}]".encode("gb18030"))
    assert read(file).document.entries["grid"]["a"]["name"] == "鼓楼区"


def test_the_returned_file_says_the_faults_beside_the_entries_and_reads_the_same(tmp_path: Path) -> None:
    """Comments above the lines hold the faults; the file still has the same content."""
    file = yaml(tmp_path, WRONG)
    faults = read(file).faults
    out = tmp_path / "remarks.yaml"
    write_remarks(file, out, faults, "en")
    text = out.read_text(encoding="utf-8")
    assert all(f"# remark：{line}" in text for line in FAULTS)
    assert text.splitlines()[1].strip() == f"# remark：{FAULTS[1]}"
    assert read(out).document == read(file).document
    assert [fault.value for fault in read(out).faults] == [fault.value for fault in faults]


def test_the_export_holds_private_data_only_where_they_are_given(tmp_path: Path) -> None:
    """Without ``private`` an export has no name of a person; with it the file is complete."""
    registry = Registry()
    registry.apply([Change("people", "p", {"id": "p", "role": "driver"})], 0)
    write(registry, tmp_path / "a.yaml")
    assert "李四" not in (tmp_path / "a.yaml").read_text(encoding="utf-8")
    write(registry, tmp_path / "b.yaml", private={"p": {"name": "李四", "phone": "138"}})
    assert read(tmp_path / "b.yaml").document.private == {"p": {"name": "李四", "phone": "138"}}
    with pytest.raises(ValueError, match=r"export to \.yaml"):
        write(registry, tmp_path / "a.doc")
