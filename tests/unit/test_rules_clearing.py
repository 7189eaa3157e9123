"""Rules that could never clear, and what is said of a pack of which other parts are faulty."""

from __future__ import annotations

import pytest

from alerts.rules import PackError, parse_pack

HEAD = 'pack: mine\nversion: "1"\ntitle: {zh: 我的, en: Mine}\n'
PROFILE = """\
profiles:
  city:
    - {parameter: turbidity, unit: NTU, max: 1, source: text, verified: true, place_kinds: [water_outlet]}
    - {parameter: turbidity, unit: NTU, max: 3, source: text, verified: true, place_kinds: [small_supply]}
    - {parameter: ph, unit: "", min: 6.5, max: 8.5, source: text, verified: true}
"""
TOWN = "  town:\n    - {parameter: turbidity, unit: NTU, max: 2, source: text, verified: true}\n"
BROKEN = "  town:\n    - {parameter: turbidity, unit: NTU, max: high, source: text, verified: true}\n"
LIMIT = "parameter: turbidity, condition: {above: 1}, source: ours"
NEVER = "parameter: ph, condition: {outside: [6, 8]}, clear: {dead_band: 2}, source: ours"


def rule(more: str, name: str = "r", severity: str = "major") -> str:
    """One rule on one line."""
    return f"  - {{id: {name}, title: {{zh: 规则, en: Rule}}, severity: {severity}, {more}}}\n"


def faults(text: str) -> list[str]:
    """What is said of a text; nothing where it is a sound pack."""
    try:
        parse_pack(text, "mine.yaml")
    except PackError as error:
        return error.faults
    return []


@pytest.mark.parametrize(
    ("more", "where", "words"),
    [
        (
            "parameter: turbidity, condition: {above: 1}, clear: {below: -5}",
            "clear.below = -5",
            "none of them meets it inside the limit (-inf to 1), it would never clear; allowed: -1 to 1",
        ),
        (
            "parameter: turbidity, condition: {above: 1}, clear: {dead_band: 5}",
            "clear.dead_band = 5",
            "none of them meets it inside the limit (-inf to 1), it would never clear; allowed: at most 2",
        ),
        ("parameter: ph, condition: {below: 6}, clear: {above: 15}", "clear.above = 15", "allowed: 6 to 14"),
        (
            "parameter: temperature, condition: {below: 20}, clear: {dead_band: 2000}",
            "clear.dead_band = 2000",
            "none of them meets it inside the limit (20 to inf), it would never clear; allowed: at most 40",
        ),
        (
            "parameter: ph, condition: {outside: [-9, 9]}, clear: {inside: [-9, -1]}",
            "clear.inside = [-9, -1]",
            "allowed: 0 to 9",
        ),
        (
            "parameter: ph, condition: {outside: [6, 8]}, clear: {dead_band: 2}",
            "clear.dead_band = 2",
            "no value inside the limit (6 to 8) meets it, it would never clear; allowed: at most 1",
        ),
        (
            "parameters: [ammonia_n, dissolved_oxygen], condition: {below: 45}, clear: {above: 60}",
            "clear.above = 60",
            "values of dissolved_oxygen are from -1 to 50",
        ),
        ("parameter: turbidity, condition: {above: -5}", "condition.above = -5", "always be bad"),
        ("parameter: ph, condition: {outside: [20, 30]}", "condition.outside = [20, 30]", "always be bad"),
        (
            "parameter: ph, condition: {compare: {with: upstream, above: 1}}, clear: {below: -15}",
            "clear.below = -15",
            "differences of ph are from -14 to 14",
        ),
        (
            "parameter: ph, condition: {compare: {with: upstream, above: 20}}",
            "condition.compare.above = 20",
            "differences of ph are from -14 to 14; it would never fire",
        ),
        (
            "quantity: custody.sealed, condition: {above: 0}, clear: {below: -1}",
            "clear.below = -1",
            "values of custody.sealed are from 0",
        ),
        (
            "parameter: turbidity, condition: {above: 2}, clear: {dead_band: 2.9}, early: {at: 0.9}",
            "early.at = 0.9",
            "with clear.dead_band",
        ),
    ],
)
def test_a_rule_that_no_plausible_value_clears_is_refused(more: str, where: str, words: str) -> None:
    """One fault, with line, value and what is allowed: the gateway refuses values beyond the catalogue's range."""
    (fault,) = faults(HEAD + "rules:\n" + rule(LIMIT) + rule(f"{more}, source: ours", "s"))
    assert fault.startswith(f"mine.yaml:6: rules[1].{where}: ")
    assert words in fault


@pytest.mark.parametrize(
    "more",
    [
        "parameter: turbidity, condition: {above: 1}, clear: {below: -1}",
        "parameter: turbidity, condition: {above: 1}, clear: {dead_band: 2}",
        "parameter: ph, condition: {below: 6}, clear: {above: 14}",
        "parameter: door, condition: {above: 0.5}, clear: {dead_band: 0.5}",
        "parameter: ph, condition: {compare: {with: upstream, above: 1}}, clear: {below: -14}",
        "quantity: custody.sealed, condition: {above: 0}, clear: {below: 0}",
    ],
)
def test_what_the_last_plausible_value_clears_is_sound(more: str) -> None:
    """The range is inclusive."""
    assert faults(HEAD + "rules:\n" + rule(f"{more}, source: ours")) == []


def test_each_limit_of_the_profiles_is_tried() -> None:
    """A dead band that is too wide for one of them is a fault, and it is said for which."""
    (fault,) = faults(
        HEAD
        + PROFILE
        + "rules:\n"
        + rule("parameter: turbidity, condition: {above: profile}, clear: {dead_band: 3}, source: ours")
    )
    assert fault == (
        "mine.yaml:10: rules[0].clear.dead_band = 3: values of turbidity are from -1 to 4000, none of them meets it "
        "inside the limit (-inf to 1), it would never clear; allowed: at most 2"
    )


def test_a_fault_of_another_rule_hides_nothing() -> None:
    """Never clears, never fires, and clears too early are said besides a wrong key elsewhere."""
    found = faults(
        HEAD
        + PROFILE
        + "rules:\n"
        + rule("parameter: ph, conditoin: {above: 9}, source: ours", "a")  # 10
        + rule(NEVER, "b")  # 11
        + rule("parameter: ph, condition: {outside: profile}, clear: {dead_band: 1.5}", "c")  # 12
        + rule("parameter: toc, condition: {above: profile}", "d")  # 13
        + rule("parameter: turbidity, condition: {above: profile}, clear: {below: 2}", "e")  # 14
    )
    by_line = {int(fault.split(":")[1]): fault for fault in found}
    assert set(by_line) == {10, 11, 12, 13, 14}
    assert "rules[1].clear.dead_band = 2: no value inside the limit (6 to 8) meets it" in by_line[11]
    assert "no value inside the limit (6.5 to 8.5) meets it" in by_line[12]
    assert "no limit of the profiles fits this rule for toc" in by_line[13]
    assert "values that break the limit (-inf to 1) meet it" in by_line[14]


def test_a_rule_with_one_wrong_value_is_judged_by_its_others() -> None:
    """Its id counts as taken, and what cannot depend on the wrong value is said."""
    found = faults(
        HEAD
        + "rules:\n"
        + rule(LIMIT, "b", "huge")  # 5
        + rule(LIMIT, "b")  # 6
        + rule(NEVER, "c", "huge")  # 7
        + rule(f"{LIMIT}, early: {{at: 0.9, severity: critical}}", "d", "huge")  # 8
    )
    lines = [fault.split(": ")[0] + " " + fault.split(": ")[1] for fault in found]
    assert lines == [
        "mine.yaml:5 rules[0].severity = 'huge'",
        "mine.yaml:6 rules[1].id = 'b'",
        "mine.yaml:7 rules[2].clear.dead_band = 2",
        "mine.yaml:7 rules[2].severity = 'huge'",
        "mine.yaml:8 rules[3].severity = 'huge'",
    ]


@pytest.mark.parametrize(
    "text",
    [
        # The key that seems to be missing is written wrong.
        rule("parameter: turbidity, condition: {above: 1}, sorce: ours"),
        # The clear condition is not known.
        rule("parameter: ph, condition: {outside: [6, 8]}, clear: {dead_band: wide}, source: ours"),
        # Which places are meant is not known.
        rule(
            "parameter: turbidity, condition: {above: profile}, clear: {dead_band: 3}, when: {place_kinds: [lake]}",
        ),
        rule("parameter: toc, condition: {above: profile}, wehn: {profiles: [town]}"),
        # What it is about is not known.
        rule("parameter: turbid, condition: {above: profile}, clear: {dead_band: 3}"),
    ],
)
def test_nothing_is_said_that_the_other_fault_might_change(text: str) -> None:
    """One fault is said, not what follows from it."""
    assert len(faults(HEAD + PROFILE + "rules:\n" + text)) == 1


def test_a_profile_with_a_fault_says_nothing_of_the_rules() -> None:
    """The faulty limit may be another; those of the other profiles are judged."""
    never = rule("parameter: turbidity, condition: {above: profile}, clear: {dead_band: 2.5}", "a")
    nowhere = rule("parameter: toc, condition: {above: profile}", "b")
    whole = faults(HEAD + PROFILE + TOWN + "rules:\n" + never + nowhere)
    assert [fault.split(":")[1] for fault in whole] == ["12", "13"]
    found = faults(HEAD + PROFILE + BROKEN + "rules:\n" + never + nowhere)
    assert [fault.split(":")[1] for fault in found] == ["10", "12"]
    renamed = faults(HEAD + PROFILE + TOWN.replace("town", "Town") + "rules:\n" + nowhere + rule(
        "parameter: turbidity, condition: {above: profile}, when: {profiles: [town]}", "c"))  # fmt: skip
    assert len(renamed) == 1
