"""The keys of a rule: what they mean before anything is evaluated, and in words."""

from __future__ import annotations

import math

import pytest

from alerts.pack import Early, Rule, Schedule, When
from alerts.phrases import about, duration, limits, phrase
from alerts.rules import parse_pack
from alerts.values import MEASURED
from devices.observation import QUANTITIES, Subject
from devices.parameters import CATALOGUE

INF = math.inf
LOGIC = (
    "condition: {all: [{parameter: ph, above: 8}, {not: {parameter: orp, point: a, below: 600}}]}, latching: true,"
    " for: 5m, schedule: {weekdays: [1, 7], hours: ['08:00-20:00']}"
)


def rule(more: str) -> Rule:
    """The only rule of a pack."""
    text = f"""\
pack: mine
version: "1"
title: {{zh: 我的, en: Mine}}
profiles:
  city:
    - {{parameter: ph, unit: "", min: 6.5, max: 8.5, source: text, verified: true}}
rules:
  - {{id: r, title: {{zh: 规则, en: Rule}}, severity: major, source: ours, {more}}}
"""
    return parse_pack(text, "mine.yaml").rules[0]


@pytest.mark.parametrize(
    ("more", "kind", "count", "en", "zh"),
    [
        ("parameter: ph, condition: {above: 9}", "limit", 2, "above 9, 2 in a row", "高于 9，连续2次"),
        ("parameter: turbidity, condition: {below: 1}, count: 1", "limit", 1, "below 1 NTU", "低于 1 NTU"),
        (
            "parameter: ph, condition: {outside: profile}, for: 90s, early: {at: 0.8}",
            "limit",
            2,
            "outside the limits of the place, for 90 s, early warning at 80% of the limit",
            "超出点位限值，持续90秒，达到限值的80%时预警",
        ),
        (
            "quantity: custody.late_report, condition: {above: 3600}",
            "limit",
            1,
            "above 3600 s",
            "高于 3600 s",
        ),
        (
            "parameter: pressure, condition: {change: {by: 50, per: 10m, direction: down}}",
            "change",
            2,
            "falls more than 50 kPa in 10 min, 2 in a row",
            "10分钟内下降超过 50 kPa，连续2次",
        ),
        ("parameter: ph, condition: {stuck: {for: 4h}}", "stuck", 1, "does not move by its resolution for 4 h", None),
        (
            "parameter: ph, condition: {stuck: {for: 1d, resolution: 0.1}}",
            "stuck",
            1,
            "does not move by 0.1 for 1 d",
            None,
        ),
        ("parameter: ph, condition: {absent: {}}", "absent", 1, "does not come for 3 intervals, at least 5 min", None),
        (
            "parameter: ph, condition: {absent: {least: 10s}}",
            "absent",
            1,
            "does not come for 3 intervals, at least 1 min",
            "3个上报间隔且至少1分钟无数据",
        ),
        (
            "condition: {silent: {least: 10m}}",
            "silent",
            1,
            "nothing at all comes for 3 intervals, at least 10 min",
            None,
        ),
        (
            "parameter: ph, condition: {invalid: {}}",
            "invalid",
            1,
            "no valid value comes for 5 intervals, at least 10 min",
            None,
        ),
        (
            "parameter: ph, condition: {saturated: {}}",
            "saturated",
            2,
            "beyond the range of the instrument, 2 in a row",
            None,
        ),
        ("parameter: ph, condition: {bad_flags: {}}", "bad_flags", 1, "more than 20% flagged within 1 h", None),
        ("condition: {sequence_gap: {}}, for: 1h", "sequence_gap", 1, "sequence numbers are missing, for 1 h", None),
        ("condition: {clock_off: {}}", "clock_off", 1, "the clock is off by more than 2 min", None),
        (
            "parameter: ph, condition: {unit_suspect: {}}, count: 3",
            "unit_suspect",
            3,
            "jumps to a power of ten times its level (±20%), 3 in a row",
            None,
        ),
        (
            "parameter: ph, condition: {compare: {with: upstream, outside: [-1, 1]}}",
            "compare",
            2,
            "difference to upstream outside -1 – 1, 2 in a row",
            "与上游之差超出 -1 – 1，连续2次",
        ),
        (
            "parameter: ph, condition: {compare: {with: {point: inlet}, above: 1}}",
            "compare",
            2,
            "difference to @inlet above 1, 2 in a row",
            None,
        ),
        ("condition: {overdue: {what: certificate}}", "overdue", 1, "the certificate has expired", "证书已过期"),
        (
            "condition: {overdue: {what: calibration, after: 92d}}",
            "overdue",
            1,
            "last calibrated more than 92 d ago",
            "距上次校准超过92天",
        ),
        (
            LOGIC,
            "logic",
            2,
            "ph above 8 and (not (orp@a below 600 mV)), for 5 min, only Mon Sun 08:00-20:00, until a person resets it",
            "ph 高于 8且（非（orp@a 低于 600 mV）），持续5分钟，仅周一日 08:00-20:00，须人工复位",
        ),
    ],
)
def test_every_kind_of_condition_has_a_name_a_count_and_words(
    more: str, kind: str, count: int, en: str, zh: str | None
) -> None:
    """Two readings in a row where readings are judged, else at once; what a list shows says all of it."""
    one = rule(more)
    assert (one.kind, one.count) == (kind, count)
    assert phrase(one).en == en
    if zh is not None:
        assert phrase(one).zh == zh


def test_a_rule_is_about_one_several_all_or_no_parameter() -> None:
    """``all`` is every measured parameter; switches stand still by nature."""
    condition = "condition: {unit_suspect: {}}"
    assert rule(f"parameter: ph, {condition}").parameters == ("ph",)
    assert rule(f"parameters: [ph, orp], {condition}").parameters == ("ph", "orp")
    everything = rule(f"parameters: all, {condition}")
    assert everything.parameters == MEASURED
    assert not any(CATALOGUE[name].switch for name in MEASURED)
    device = rule("condition: {silent: {}}")
    state = rule("quantity: custody.stored, condition: {above: 0}, for: 48h")
    assert (device.parameters, state.parameters) == ((), ())
    assert [about(one) for one in (everything, device, state)] == ["all", "device", "custody.stored"]


@pytest.mark.parametrize(
    ("low", "high", "at", "expected"),
    [
        (-INF, 2, 0.9, (-INF, 1.8)),
        (0.3, INF, 0.75, (0.4, INF)),
        (6.5, 8.5, 0.5, (7, 8)),
        (-INF, -10, 0.9, (-INF, -11)),
        (-INF, 0, 0.9, (-INF, 0)),
    ],
)
def test_an_early_warning_begins_at_a_share_of_the_limit(
    low: float, high: float, at: float, expected: tuple[float, float]
) -> None:
    """Inside of the limit, whichever side it is on; of both sides, around the middle."""
    assert Early(at=at).band(low, high) == pytest.approx(expected)


def test_when_asks_for_everything_that_is_written() -> None:
    """A channel without a mode is continuous; each key must fit."""
    subject = Subject("k", device="d", point="in", place_kind="network", device_kind="water")
    fitting = {
        "place_kinds": ["network"],
        "device_kinds": ["water"],
        "modes": ["continuous"],
        "not_modes": ["held"],
        "points": ["in"],
    }
    other = {
        "place_kinds": ["clinic"],
        "device_kinds": ["terminal"],
        "modes": ["sampled"],
        "not_modes": ["continuous"],
        "points": ["-"],
    }
    assert When.model_validate(fitting).fits(subject)
    assert When().fits(subject)
    for key, value in other.items():
        assert not When.model_validate(fitting | {key: value}).fits(subject), key


def test_a_schedule_without_days_is_every_day() -> None:
    """A calendar of the registry means Monday to Friday then; a rule means always."""
    assert Schedule.model_validate({"hours": ["08:00-20:00"]}).body == {
        "weekdays": [1, 2, 3, 4, 5, 6, 7],
        "hours": ["08:00-20:00"],
    }
    assert Schedule.model_validate({"weekdays": [6]}).body == {"weekdays": [6], "hours": []}
    assert Schedule.model_validate({"calendar": "work"}).body is None


def test_reopening_can_be_switched_off() -> None:
    """An hour unless written; ``0s`` is never."""
    assert rule("parameter: ph, condition: {above: 9}").reopen == 3_600_000
    assert rule("parameter: ph, condition: {above: 9}, reopen: 0s").reopen == 0


def test_lengths_and_limits_in_words() -> None:
    """The largest whole unit; one side, the other, or both."""
    assert [duration(ms).en for ms in (90_000, 600_000, 172_800_000, 1500)] == ["90 s", "10 min", "2 d", "1500 ms"]
    assert [limits(*pair) for pair in ((0.3, 2), (None, 1), (0.05, None))] == ["0.3 – 2", "≤ 1", "≥ 0.05"]


def test_quantities_are_field_words_in_both_languages() -> None:
    """Names do not collide with parameters, and each has a title."""
    for name, one in QUANTITIES.items():
        assert name == one.name
        assert name not in CATALOGUE
        assert one.title_zh
        assert one.title_en
