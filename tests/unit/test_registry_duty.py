"""Limits of places, teams with rosters, how people are told: models, files in every format, subjects."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from devices.files import Checked, changes_of, read, write
from devices.registry import Change, Registry, split_private
from devices.sections import MODELS

GOOD = """\
units: [{id: wtp-1, kind: waterworks, name: 一水厂}]
places:
  - id: tank-3
    kind: secondary_supply
    unit: wtp-1
    profile: gb5749-2022
    upstream: out-1
    limits:
      - {parameter: turbidity, max: 0.5, reason: 供水合同 2026-7}
      - {parameter: chlorine_free, min: 300, unit: ug/L, reason: 试行, to: 2026-07-01}
      - {parameter: chlorine_free, min: 0.2, max: 0.8, reason: 末梢投诉, from: 2026-07-01}
  - {id: out-1, kind: water_outlet, unit: wtp-1}
devices:
  - id: wq-1
    kind: water
    place: tank-3
    report_s: 60
    channels:
      - {parameter: chlorine_free, report_s: 300, mode: sampled}
      - {parameter: turbidity}
people:
  - {id: p-7, role: officer, channels: [sms, wecom], language: zh, name: 林一, phone: "13900000001"}
  - {id: p-8, role: head}
calendars:
  - {id: office, weekdays: [1, 2, 3, 4, 5], hours: ["08:30-17:30"], holidays: [2026-10-01], workdays: [2026-10-10]}
teams:
  - id: night
    name: {zh: 夜班, en: Night}
    members: [p-7, p-8]
    calendar: office
    roster:
      - {people: [p-7], weekdays: [1, 2], hours: ["20:00-08:00"], from: 2026-01-01, to: 2027-01-01}
      - {people: [p-8, p-7], dates: [2026-10-01, 2026-10-02]}
    rotate: {every_days: 7, from: 2026-11-23T08:00+08:00, people: [p-7, p-8]}
"""

JULY = 1_782_835_200_000


def registry_of(checked: Checked) -> Registry:
    """A registry that holds what a faultless file says."""
    assert not checked.faults, [str(fault) for fault in checked.faults]
    made = Registry()
    made.apply(changes_of(checked.document, made), 0)
    return made


def from_text(tmp_path: Path, text: str) -> Checked:
    """What a YAML file with this text says."""
    file = tmp_path / "in.yaml"
    file.write_text(text, encoding="utf-8")
    return read(file)


def test_bodies_have_the_shapes_that_decisions_read(tmp_path: Path) -> None:
    """Times are ms since 1970 UTC, days stay dates, what is empty is left out; names stay private."""
    made = registry_of(from_text(tmp_path, GOOD))
    assert made.get("teams", "night") == {
        "id": "night",
        "name": {"zh": "夜班", "en": "Night"},
        "members": ["p-7", "p-8"],
        "calendar": "office",
        "roster": [
            {
                "people": ["p-7"],
                "weekdays": [1, 2],
                "hours": ["20:00-08:00"],
                "from": 1_767_196_800_000,
                "to": 1_798_732_800_000,
            },
            {"people": ["p-8", "p-7"], "dates": ["2026-10-01", "2026-10-02"]},
        ],
        "rotate": {"every_days": 7, "from": 1_795_392_000_000, "people": ["p-7", "p-8"]},
    }
    assert made.get("people", "p-7") == {"id": "p-7", "role": "officer", "channels": ["sms", "wecom"], "language": "zh"}
    place = made.get("places", "tank-3")
    assert place is not None
    assert place["limits"][1] == {
        "parameter": "chlorine_free",
        "min": 300.0,
        "unit": "ug/L",
        "reason": "试行",
        "to": JULY,
    }


def test_how_a_person_is_told_is_public_and_the_addresses_are_not() -> None:
    """Names of channels and the language may be journaled."""
    public, private = split_private(
        {"id": "p", "role": "head", "channels": ["sms"], "language": "en", "phone": "1", "name": "x"}
    )
    assert public == {"id": "p", "role": "head", "channels": ["sms"], "language": "en"}
    assert private == {"phone": "1", "name": "x"}


@pytest.mark.parametrize("name", ["out.yaml", "out.xlsx", "out.csv", "folder"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_format_reads_back_what_it_wrote(tmp_path: Path, name: str, language: Any) -> None:
    """Limits and rosters are sheets of their own in tables; importing an export changes nothing."""
    checked = from_text(tmp_path, GOOD)
    made = registry_of(checked)
    write(made, tmp_path / name, private=dict(checked.document.private), language=language)
    again = read(tmp_path / name, made)
    assert not again.faults, [str(fault) for fault in again.faults]
    assert changes_of(again.document, made) == []
    fresh = registry_of(read(tmp_path / name))
    assert {kind: made.ids(kind) for kind in MODELS} == {kind: fresh.ids(kind) for kind in MODELS}
    assert fresh.body("teams", "night") == made.body("teams", "night")


def test_tables_without_limits_and_rosters_leave_those_that_are_registered(tmp_path: Path) -> None:
    """A list of places and teams alone does not wipe what stands on sheets of their own."""
    made = registry_of(from_text(tmp_path, GOOD))
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in {
        "场所": [["编号", "类型", "单位编号"], ["tank-3", "二次供水", "wtp-1"]],
        "班组": [["编号", "成员编号"], ["night", "p-7"]],
    }.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    checked = read(tmp_path / "a.xlsx", made)
    assert not checked.faults
    assert len(checked.document.entries["places"]["tank-3"]["limits"]) == 3
    assert len(checked.document.entries["teams"]["night"]["roster"]) == 2
    assert checked.document.entries["teams"]["night"]["members"] == ["p-7"]


WRONG = """\
places:
  - id: a
    kind: network
    upstream: nowhere
    limits:
      - {parameter: chlorine, max: 1, reason: x}
      - {parameter: turbidity, min: 2, max: 1, reason: x}
      - {parameter: turbidity, max: 1}
      - {parameter: ph, reason: x}
      - {parameter: toc, max: 1, unit: psi, reason: x}
people: [{id: p-1, role: head, language: fr}]
teams:
  - id: t
    members: [p-1, p-9]
    calendar: c-9
    roster:
      - {people: [p-1, p-8], weekdays: [0], hours: [8-20]}
      - {people: [], from: 2026-02-01, to: 2026-01-01}
    rotate: {every_days: 0, from: soon, people: [p-7]}
"""


def test_all_faults_of_limits_and_teams_come_at_once(tmp_path: Path) -> None:
    """Unknown parameters, crossed bounds, missing reasons, wrong units, dangling people: each with its line."""
    found = [fault.line() for fault in from_text(tmp_path, WRONG).faults]
    starts = [
        "places, line 4, column upstream: 'nowhere' is not in places",
        "places, line 6, column limits[0].parameter: 'chlorine' is not a parameter; allowed: chlorine_free,",
        "places, line 7, column limits[1].max: '1' must be a number >= min (2)",
        "places, line 8, column limits[2].parameter: 'turbidity' occurs twice; first in limits[1]",
        "places, line 8, column limits[2].reason: is missing",
        "places, line 9, column limits[3].max: is missing",
        "places, line 10, column limits[4].unit: 'psi' cannot be converted; allowed here: mg/L",
        "people, line 11, column language: 'fr' is not allowed; allowed: zh, en",
        "teams, line 14, column members[1]: 'p-9' is not in people",
        "teams, line 15, column calendar: 'c-9' is not in calendars",
        "teams, line 17, column roster[0].people[1]: 'p-8' is not in people",
        "teams, line 17, column roster[0].weekdays[0]: '0' is not allowed; allowed: 1 to 7",
        "teams, line 17, column roster[0].hours[0]: '8-20' is not allowed; allowed: 08:00-17:30",
        "teams, line 18, column roster[1].people: '[]' must be a list",
        "teams, line 18, column roster[1].to: '2026-01-01' must be after `from`",
        "teams, line 19, column rotate.every_days: '0' must be a number >= 1",
        "teams, line 19, column rotate.from: 'soon' must be a date or time",
        "teams, line 19, column rotate.people[0]: 'p-7' is not in people",
    ]
    for start in starts:
        assert any(line.startswith(start) for line in found), (start, found)
    assert len(found) == len(starts), found


def test_faults_of_sheets_name_their_rows_and_chinese_headings(tmp_path: Path) -> None:
    """A limit or shift on a sheet of its own is named by that sheet; an unknown owner is a fault."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in {
        "场所": [["编号", "类型"], ["a", "管网水"]],
        "限值": [["场所编号", "参数", "下限", "上限", "理由"], ["a", "浊度", 2, 1, "x"], ["b", "浊度", None, 1, "x"]],
        "班组": [["编号"], ["t"]],
        "值班表": [["班组编号", "值班人员编号", "周几"], ["t", "p-1", "8"]],
    }.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    assert [fault.line("zh") for fault in read(tmp_path / "a.xlsx").faults] == [
        "限值 第2行 “上限”列：“1”须为数值 >= min (2)",
        "限值 第3行 “场所编号”列：“b”在“场所”中不存在",
        "值班表 第2行 “周几”列：“8”不在允许范围内；允许：1 to 7",
        "值班表 第2行 “值班人员编号”列：“p-1”在“人员”中不存在",
    ]


def test_a_subject_carries_what_conditions_ask_of_its_channel(tmp_path: Path) -> None:
    """Interval and mode are the channel's, else the device's; limits are the place's at that time, in mg/L."""
    made = registry_of(from_text(tmp_path, GOOD))
    before, after = (
        made.subject("wq-1", "-", "chlorine_free", 0, JULY - 1),
        made.subject("wq-1", "-", "chlorine_free", 0, JULY),
    )
    assert (before.low, before.high) == (0.3, None)
    assert (after.low, after.high) == (0.2, 0.8)
    assert (after.mode, after.report_ms, after.device_kind, after.upstream) == ("sampled", 300_000, "water", "out-1")
    turbidity = made.subject("wq-1", "-", "turbidity", 1, JULY)
    assert (turbidity.low, turbidity.high, turbidity.mode, turbidity.report_ms) == (None, 0.5, "", 60_000)
    assert made.subject("wq-1", "-", "ph", 2, JULY).low is None
    device = made.subject("wq-1", "-", "")
    assert (device.key, device.report_ms, device.low, device.place) == ("wq-1/-/", 60_000, None, "tank-3")
    assert JULY in made.turns("wq-1")


@pytest.mark.parametrize(
    ("state", "notify", "service"),
    [
        ("registered", False, True),
        ("trial", False, True),
        ("accepted", True, True),
        ("suspended", False, False),
        ("retired", False, False),
    ],
)
def test_the_state_of_a_place_says_whether_it_notifies_and_serves(state: str, *, notify: bool, service: bool) -> None:
    """Suspended and retired places are out of service; only accepted ones notify."""
    made = Registry()
    place = {"id": "p", "kind": "network", "state": state}
    made.apply([Change("places", "p", place), Change("devices", "d", {"id": "d", "kind": "water", "place": "p"})], 0)
    subject = made.subject("d", "-", "ph")
    assert (subject.notify, subject.service) == (notify, service)


def test_subjects_are_made_in_no_time(tmp_path: Path) -> None:
    """They are asked for at the first sight of each channel: 6,000 take well under a second."""
    made = registry_of(from_text(tmp_path, GOOD))
    began = time.perf_counter()
    for index in range(6000):
        made.subject("wq-1", "-", "chlorine_free", index, JULY)
    assert time.perf_counter() - began < 1.0
