"""Everything that is wrong with a rule is said with its line, all of it at once."""

from __future__ import annotations

import pytest

from alerts.rules import PackError, parse_pack

HEAD = 'pack: mine\nversion: "1"\ntitle: {zh: 我的, en: Mine}\n'
PROFILE = """\
profiles:
  city:
    - {parameter: turbidity, unit: NTU, max: 1, source: text, verified: true}
    - {parameter: ph, unit: "", min: 6.5, max: 8.5, source: text, verified: true}
    - {parameter: ammonia_n, unit: mg/L, max: 0, source: text, verified: true}
rules:
"""
LIMIT = "parameter: turbidity, condition: {above: 1}, source: ours"


def rule(more: str, name: str = "r") -> str:
    """One rule on one line."""
    return f"  - {{id: {name}, title: {{zh: 规则, en: Rule}}, severity: major, {more}}}\n"


def faults(*rules: str) -> list[str]:
    """The faults of a pack with these rules, the first of which is on line 10."""
    try:
        parse_pack(HEAD + PROFILE + "".join(rule(more, f"r{number}") for number, more in enumerate(rules)), "mine.yaml")
    except PackError as error:
        return error.faults
    return []


@pytest.mark.parametrize(
    ("more", "where", "words"),
    [
        ("parameter: chlorine, condition: {above: 1}, source: x", "parameter = 'chlorine'", "no such parameter"),
        ("parameters: [ph, clorine], condition: {stuck: {for: 1d}}", "parameters[1] = 'clorine'", "no such parameter"),
        ("parameters: every, condition: {stuck: {for: 1d}}", "parameters = 'every'", "a list of parameters, or all"),
        ("parameters: [], condition: {stuck: {for: 1d}}", "parameters", "at least 1"),
        ("parameters: [ph, ph], condition: {stuck: {for: 1d}}", "parameters", "named twice"),
        ("quantity: custody.lost, condition: {above: 0}, source: x", "quantity = 'custody.lost'", "no such quantity"),
        ("parameter: ph, quantity: custody.missing, condition: {above: 0}, source: x", "", "at most one of parameter"),
        ("condition: {above: 1}, source: x", "parameter", "it is missing"),
        ("parameter: ph, condition: {silent: {}}", "parameter = 'ph'", "about the whole device"),
        ("parameters: all, condition: {clock_off: {}}", "parameters", "about the whole device"),
        ("quantity: custody.missing, condition: {absent: {}}", "quantity", "above, below or outside only"),
        ("quantity: custody.missing, condition: {above: profile}", "condition", "a number for a quantity"),
        ("parameter: ph, condition: {}", "condition", "exactly one of above, below, outside, change"),
        ("parameter: ph, condition: {above: 1, stuck: {for: 1d}}, source: x", "condition", "exactly one of"),
        ("parameter: ph, condition: {abov: 1}", "condition.abov", "no such key; allowed: above, below"),
        ("parameter: ph, condition: {stuck: {for: 1d, of: 2}}", "condition.stuck.of", "no such key; allowed: for, res"),
        ("parameter: ph, condition: {saturated: true}", "condition.saturated", "keys with values"),
        ("parameter: ph, condition: {change: {by: 0, per: 1h}}, source: x", "condition.change.by", "greater than 0"),
        ("parameter: ph, condition: {change: {by: 1, per: 1w}}, source: x", "condition.change.per", "s, m, h or d"),
        ("parameter: ph, condition: {absent: {intervals: 0.5}}", "condition.absent.intervals", "equal to 1"),
        ("parameter: ph, condition: {bad_flags: {share: 2}}", "condition.bad_flags.share", "less than or equal to 1"),
        ("condition: {overdue: {what: calibration}}", "condition.overdue", "after: it is missing"),
        ("condition: {overdue: {what: licence}}", "condition.overdue.what", "'certificate' or 'calibration'"),
        # Logic.
        ("condition: {all: []}, source: x", "condition.all", "at least 1"),
        ("condition: {any: [{parameter: colr, above: 1}]}, source: x", "condition.any[0].parameter", "no such param"),
        ("condition: {not: {parameter: ph}}, source: x", "condition.not", "a parameter with one of above"),
        ("condition: {not: {above: 1}}, source: x", "condition.not", "a parameter with one of above"),
        ("condition: {all: [{parameter: ph, above: 1}]}", "source", "it is missing"),
        ("parameter: ph, condition: {all: [{parameter: ph, above: 1}]}, source: x", "parameter", "the whole device"),
        # Units and ranges.
        (
            "parameters: [ph, turbidity], condition: {above: 1}, source: x",
            "parameters",
            "one number cannot fit NTU",
        ),
        ("parameter: ph, condition: {above: 20}, source: x", "condition", "it would never fire"),
        ("parameter: ph, condition: {change: {by: 20, per: 1h}}, source: x", "condition.change.by", "never fire"),
        ("parameter: ph, condition: {stuck: {for: 1d, resolution: 15}}", "condition.stuck.resolution", "never clear"),
        ("parameter: door, condition: {stuck: {for: 1d}}", "parameter = 'door'", "door is a switch"),
        # Comparing.
        ("parameter: ph, condition: {compare: {with: me, above: 1}}, source: x", "condition.compare.with", "upstream"),
        ("parameter: ph, condition: {compare: {with: upstream}}, source: x", "condition.compare", "exactly one of"),
        (
            "parameter: ph, condition: {compare: {with: {parameter: ph}, above: 1}}, source: x",
            "condition.compare.with",
            "compared with itself",
        ),
        (
            "parameter: ph, when: {points: [in]}, condition: {compare: {with: {point: in}, above: 1}}, source: x",
            "condition.compare.with",
            "compared with itself",
        ),
        (
            "parameter: ph, condition: {compare: {with: {parameter: orp}, above: 1}}, source: x",
            "condition.compare.with",
            "unit 'mV' of orp does not fit ph",
        ),
        # Firing.
        (f"{LIMIT}, count: 2, for: 5m", "count", "exclude each other"),
        ("parameter: ph, condition: {absent: {}}, count: 2", "count", "not judged at readings"),
        ("condition: {overdue: {what: certificate}}, for: 5m", "for", "is judged by days"),
        ("quantity: custody.unknown_id, condition: {above: 0}, source: x, for: 1h", "for", "told once"),
        # Clearing.
        (f"{LIMIT}, clear: {{below: 2}}", "clear", "values that break the limit (-inf to 1) meet it"),
        (f"{LIMIT}, clear: {{above: 0.5}}", "clear.above", "does not fit the condition"),
        (
            "parameter: ph, condition: {outside: profile}, clear: {dead_band: 1.5}",
            "clear",
            "no value inside the limit (6.5 to 8.5) meets it",
        ),
        ("parameter: ph, condition: {absent: {}}, clear: {dead_band: 1}", "clear.dead_band", "has no number"),
        ("parameter: ph, condition: {bad_flags: {share: 0.2}}, clear: {below: 0.1}", "clear.below", "has no number"),
        (
            "parameter: ph, condition: {change: {by: 1, per: 1h}}, source: x, clear: {below: 1}",
            "clear.below",
            "allowed: dead_band",
        ),
        (
            "parameter: ph, condition: {change: {by: 1, per: 1h}}, source: x, clear: {dead_band: 2}",
            "clear.dead_band",
            "never clear",
        ),
        (
            "parameter: ph, condition: {compare: {with: upstream, above: 1}}, source: x, clear: {below: 2}",
            "clear",
            "values that break the limit",
        ),
        (
            "quantity: custody.missing, condition: {outside: [0, 1]}, source: x, clear: {dead_band: 0.6}",
            "clear",
            "it would never clear",
        ),
        # Early warnings.
        (f"{LIMIT}, early: {{at: 1}}", "early.at = 1", "less than 1"),
        (f"{LIMIT}, early: {{at: 0.9, severity: critical}}", "early.severity", "above that of the rule"),
        ("parameter: ammonia_n, condition: {above: profile}, early: {at: 0.9}", "early.at", "no share of the limit"),
        ("parameter: ph, condition: {absent: {}}, early: {at: 0.9}", "early", "with above, below or outside"),
        (
            "parameter: ph, condition: {outside: profile}, clear: {dead_band: 0.5}, early: {at: 0.4}",
            "early.at",
            "with clear.dead_band no value",
        ),
        # Schedules and the rest.
        (f"{LIMIT}, schedule: {{}}", "schedule", "calendar; or hours, weekdays or both"),
        (f"{LIMIT}, schedule: {{calendar: work, weekdays: [1]}}", "schedule", "calendar; or hours"),
        (f"{LIMIT}, schedule: {{weekdays: [8]}}", "schedule.weekdays[0]", "less than or equal to 7"),
        (f"{LIMIT}, schedule: {{hours: ['8-20']}}", "schedule.hours[0]", "hours in quotes"),
        (f"{LIMIT}, schedule: {{hours: ['08:00-08:00']}}", "schedule.hours[0]", "hours in quotes"),
        (f"{LIMIT}, reopen: soon", "reopen = 'soon'", "at most 30d"),
        (f"{LIMIT}, when: {{modes: [held], not_modes: [held]}}", "when.not_modes", "never fire"),
        (
            "parameter: ph, when: {modes: [held]}, condition: {stuck: {for: 1d}}",
            "when.modes",
            "sends only what changed",
        ),
        (f"{LIMIT}, when: {{device_kinds: [boat]}}", "when.device_kinds[0]", "'water'"),
    ],
)
def test_a_faulty_rule_is_refused_with_its_line(more: str, where: str, words: str) -> None:
    """One fault, at the line of the rule, that names the key and says what is allowed."""
    (fault,) = faults(LIMIT, more)
    assert fault.startswith(f"mine.yaml:11: rules[1]{'.' if where else ''}{where}")
    assert words in fault


def test_several_faults_of_one_rule_come_together() -> None:
    """Nobody corrects a file one fault at a time."""
    found = faults(
        "parameter: ph, condition: {above: 20}, count: 2, for: 5m, clear: {above: 1}, schedule: {weekdays: [1]},"
        " early: {at: 0.9, severity: critical}"
    )
    for key in ("condition", "count", "clear.above", "early.severity", "source"):
        assert sum(f"rules[0].{key}" in fault for fault in found) == 1, key
    assert len(found) == 5


def test_ids_are_one_rule_each_early_warnings_included() -> None:
    """``<id>.early`` is an id as well."""
    text = HEAD + PROFILE + rule(f"{LIMIT}, early: {{at: 0.9}}", "a") + rule(LIMIT, "a.early") + rule(LIMIT, "a.early")
    with pytest.raises(PackError) as caught:
        parse_pack(text, "mine.yaml")
    first, second = caught.value.faults
    assert first.startswith("mine.yaml:10: rules[0].early: its id would be 'a.early', which rules[1] has")
    assert second.startswith("mine.yaml:12: rules[2].id = 'a.early': rules[1] has this id")


def test_the_id_of_an_early_warning_is_no_longer_than_an_id() -> None:
    """Ids end at 64 characters."""
    text = HEAD + PROFILE + rule(f"{LIMIT}, early: {{at: 0.9}}", "a" * 60)
    with pytest.raises(PackError, match="would be longer than 64"):
        parse_pack(text, "mine.yaml")


def test_keys_of_a_nested_part_are_listed() -> None:
    """Whoever writes a key wrong reads those that there are, at whatever depth."""
    (fault,) = faults("condition: {any: [{not: {parameter: ph, abov: 1}}]}, source: x")
    assert fault.endswith("condition.any[0].not.abov: there is no such key; "
                          "allowed: above, below, outside, parameter, point, all, any, not")  # fmt: skip
