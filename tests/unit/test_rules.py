"""Rule packs: what is read, and every fault with its line."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest

from alerts.bounds import Bound, bounds
from alerts.rules import PackError, known_packs, load_packs, pack_text, parse_pack

HEAD = """\
pack: mine
version: "1"
title: {zh: 我的, en: Mine}
"""
PROFILE = """\
profiles:
  city:
    - {parameter: chlorine_free, unit: mg/L, max: 2, source: text, verified: true}
    - {parameter: chlorine_free, unit: mg/L, min: 0.3, source: text, verified: true, place_kinds: [water_outlet]}
    - {parameter: chlorine_free, unit: mg/L, min: 0.05, source: text, verified: false, place_kinds: [network]}
"""
RULES = """\
rules:
"""


def rule(more: str, *, name: str = "r", parameter: str = "chlorine_free") -> str:
    """One rule on one line."""
    title = "title: {zh: 规则, en: Rule}"
    return f"  - {{id: {name}, {title}, severity: major, parameter: {parameter}, {more}}}\n"


def one(text: str, place_kind: str = "network", profile: str = "city", disinfectant: str = "free_chlorine") -> Bound:
    """The only bound of the pack for a free chlorine channel at such a place."""
    (bound,) = bounds(parse_pack(text, "mine.yaml"), "chlorine_free", place_kind, profile, disinfectant)
    return bound


def faults(text: str) -> list[str]:
    """The faults of a pack that cannot be read."""
    with pytest.raises(PackError) as caught:
        parse_pack(text, "mine.yaml")
    return caught.value.faults


def test_the_limit_comes_from_the_profile_of_the_place_and_its_kind() -> None:
    """The same rule is another number at the outlet than in the network."""
    text = HEAD + PROFILE + RULES + rule("condition: {below: profile}")
    assert (one(text, "water_outlet").low, one(text, "water_outlet").high) == (0.3, math.inf)
    assert one(text, "network").low == 0.05


def test_a_rule_holds_nowhere_where_the_profile_has_no_limit() -> None:
    """No profile, another profile, or a kind of place without limit: no rule."""
    pack = parse_pack(HEAD + PROFILE + RULES + rule("condition: {below: profile}"), "mine.yaml")
    for place_kind, profile in (("network", ""), ("network", "other"), ("raw_water", "city")):
        assert list(bounds(pack, "chlorine_free", place_kind, profile, "free_chlorine")) == []


def test_when_restricts_a_rule_to_kinds_of_subjects() -> None:
    """Place kinds, disinfectants and profiles must all fit; an empty list means any."""
    when = "when: {place_kinds: [network], disinfectants: [ozone], profiles: [city]}"
    pack = parse_pack(HEAD + RULES + rule(f"{when}, condition: {{above: 1}}, source: ours"), "mine.yaml")
    fitting = ("network", "city", "ozone")
    assert len(list(bounds(pack, "chlorine_free", *fitting))) == 1
    for position, other in enumerate(("network_end", "other", "none")):
        subject = [*fitting]
        subject[position] = other
        assert list(bounds(pack, "chlorine_free", *subject)) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("condition: {above: 2}", (-math.inf, 2, -math.inf, 2)),
        ("condition: {below: 2}", (2, math.inf, 2, math.inf)),
        ("condition: {outside: [1, 2]}", (1, 2, 1, 2)),
        ("condition: {outside: profile}", (0.05, 2, 0.05, 2)),
        ("condition: {above: 2}, clear: {dead_band: 0.5}", (-math.inf, 2, -math.inf, 1.5)),
        ("condition: {outside: [1, 2]}, clear: {dead_band: 0.25}", (1, 2, 1.25, 1.75)),
        ("condition: {above: 2}, clear: {below: 1}", (-math.inf, 2, -math.inf, 1)),
        ("condition: {below: 2}, clear: {above: 3}", (2, math.inf, 3, math.inf)),
        ("condition: {outside: [1, 3]}, clear: {inside: [1.5, 2]}", (1, 3, 1.5, 2)),
    ],
)
def test_conditions_become_numbers(more: str, expected: tuple[float, float, float, float]) -> None:
    """(low, high) of the good values and those that clear."""
    bound = one(HEAD + PROFILE + RULES + rule(f"{more}, source: ours"))
    assert (bound.low, bound.high, bound.clear_low, bound.clear_high) == expected


def test_the_default_is_the_second_bad_reading_and_durations_replace_it() -> None:
    """``count`` is 2 unless written; ``for`` and the clear condition's ``for`` are event time."""
    plain = one(HEAD + RULES + rule("condition: {above: 2}, source: ours"))
    assert (plain.count, plain.for_ms, plain.clear_for_ms) == (2, 0, 0)
    timed = one(HEAD + RULES + rule("condition: {above: 2}, source: ours, for: 90s, clear: {for: 2h}"))
    assert (timed.for_ms, timed.clear_for_ms) == (90_000, 7_200_000)


def test_a_rule_that_is_off_judges_nothing() -> None:
    """``enabled: false`` keeps a rule in the pack and out of the evaluation."""
    pack = parse_pack(HEAD + RULES + rule("condition: {above: 2}, source: ours, enabled: false"), "mine.yaml")
    assert list(bounds(pack, "chlorine_free", "network", "city", "none")) == []


def test_the_digest_is_that_of_the_text() -> None:
    """Whoever has the text can check which version a decision named."""
    text = HEAD + RULES + rule("condition: {above: 2}, source: ours")
    pack = parse_pack(text, "mine.yaml")
    assert pack.text == text
    assert pack.digest == hashlib.sha256(text.encode()).hexdigest()
    assert one(text).digest == pack.digest
    assert one(text + "# a remark\n").digest != pack.digest


def test_all_faults_come_at_once_with_their_lines() -> None:
    """Wrong values, unknown keys, doubled keys and ids, in whatever part of the file, each named with its line."""
    text = (
        "pack: Mine\n"  # 1
        "version: 1\n"  # 2
        "title: {zh: 我的}\n"  # 3
        "colour: red\n"  # 4
        "profiles:\n"  # 5
        "  city:\n"  # 6
        "    - {parameter: chlorine, unit: mg/L, max: 2, source: text, verified: true}\n"  # 7
        "    - {parameter: turbidity, unit: mg/L, max: 2, source: text, verified: true}\n"  # 8
        "    - {parameter: turbidity, unit: NTU, source: text, verified: true}\n"  # 9
        "    - {parameter: ph, unit: '', max: 8, source: text, verified: true, place_kinds: [lake]}\n"  # 10
        "rules:\n"  # 11
        + rule("condition: {above: 2}, source: ours, for: soon")  # 12
        + rule("condition: {above: 2, below: 3}, source: ours", name="s")  # 13
        + rule("condition: {above: 2}, severity: bad, source: ours", name="t")  # 14
        + rule("condition: {above: 2}, clear: {above: 3}, source: ours", name="u")  # 15
        + rule("condition: {above: 2}, source: ours, count: 3, for: 5m", name="v")  # 16
        + rule("condition: {above: .nan}, source: ours", name="w")  # 17
        + rule("condition: {above: 2}, source: ours", name="x")  # 18
        + rule("condition: {above: 2}, source: ours", name="x")  # 19
        + rule("condition: {above: 2}", name="y")  # 20
    )
    found = faults(text)
    lines = [int(fault.split(":")[1]) for fault in found]
    assert lines == sorted(lines)
    assert set(lines) == {1, 2, 3, 4, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 19, 20}
    by_line = dict(zip(lines, found, strict=True))
    assert by_line[4] == ("mine.yaml:4: colour: there is no such key; allowed: pack, version, title, profiles, rules")
    assert "rules[0].for = 'soon': allowed: a whole number and s, m, h or d" in by_line[12]
    assert "unit 'mg/L' does not fit turbidity; allowed: 'NTU'" in by_line[8]
    assert "'raw_water', 'water_outlet'" in by_line[10]
    assert "rules[6] has this id" in by_line[19]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("condition: {above: 2}, clear: {below: 3}", "values that break the limit (-inf to 2) meet it"),
        ("condition: {outside: [1, 2]}, clear: {dead_band: 0.6}", "it would never clear"),
        ("condition: {outside: [1, 2]}, clear: {inside: [2, 1]}", "it would never clear"),
        ("condition: {outside: [2, 1]}", "low <= high"),
        ("condition: {above: 2}, clear: {dead_band: 0}", "greater than 0"),
        ("condition: {above: 2}, clear: {below: 1, dead_band: 1}", "at most one of"),
        ("condition: {above: 2}, count: 0", "greater than or equal to 1"),
        ("condition: {above: 2}, for: 31d", "at most 30d"),
        ("condition: {above: 'yes'}", "rules[0].condition.above = 'yes': allowed: a valid number or 'profile'"),
        ("condition: {above: profile}, when: {profiles: [town]}", "there is no such profile; allowed: city"),
        ("condition: {below: profile}, when: {place_kinds: [raw_water]}", "it would never fire"),
    ],
)
def test_rules_that_make_no_sense_are_refused(more: str, words: str) -> None:
    """A rule that can never fire, never clear, or clears while the limit is broken."""
    (fault,) = faults(HEAD + PROFILE + RULES + rule(f"{more}, source: ours"))
    assert words in fault
    assert fault.startswith("mine.yaml:10: rules[0]")


def test_two_limits_for_one_subject_are_a_fault() -> None:
    """Of overlapping limits nobody could say which holds; so is a minimum above the maximum."""
    more = "    - {parameter: chlorine_free, unit: mg/L, max: 3, source: t, verified: true, place_kinds: [network]}\n"
    (fault,) = faults(HEAD + PROFILE + more + RULES + rule("condition: {above: profile}"))
    assert fault.startswith("mine.yaml:9: profiles.city[3].max: profiles.city[0] sets it")
    less = more.replace("max: 3", "min: 3").replace("network", "clinic")
    (fault,) = faults(HEAD + PROFILE + less + RULES + rule("condition: {above: profile}"))
    assert "min 3 and max 2 leave no good value" in fault


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("rules: [", "not YAML"),
        ("- 1", "the pack: allowed: keys with values"),
        ("&a [*a]", "contains itself"),
        ("version: 2022-13-45", "month must be in 1..12"),
        ("a: !!python/object:os.system x", "not YAML: could not determine a constructor"),
        ('pack: "\x00"', "special characters are not allowed"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdef", "bcdefg", strict=True)
            ),
            "more than 100000 values",
        ),
        ("text: x\ndigest: y\n" + HEAD + "rules: []\n", "text: there is no such key"),
    ],
)
def test_what_is_no_pack_is_one_clear_line(text: str, words: str) -> None:
    """No YAML, no mapping, dangerous tags and bombs end in a line, never in a traceback."""
    assert words in "\n".join(faults(text))


def test_packs_are_found_in_the_folder_of_the_installation_first(tmp_path: Path) -> None:
    """A pack of that name in the folder replaces the shipped one."""
    text = (HEAD + RULES + rule("condition: {above: 2}, source: ours")).replace("pack: mine", "pack: gb5749-2022")
    (tmp_path / "gb5749-2022.yaml").write_text(text, encoding="utf-8")
    (pack,) = load_packs(["gb5749-2022"], tmp_path)
    assert pack.text == text
    assert pack_text("gb5749-2022") == load_packs(["gb5749-2022"])[0].text != text


def test_packs_that_cannot_be_loaded_are_all_named(tmp_path: Path) -> None:
    """Absent, doubled, misnamed, not UTF-8 and faulty packs in one error."""
    (tmp_path / "other.yaml").write_text(HEAD + RULES + rule("condition: {above: 2}, source: ours"), encoding="utf-8")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "faulty.yaml").write_text("pack: faulty", encoding="utf-8")
    with pytest.raises(PackError) as caught:
        load_packs(["other", "bytes", "faulty", "../mine", "other"], tmp_path)
    words = "\n".join(caught.value.faults)
    assert "pack = 'mine'; allowed: 'other', the name of the file" in words
    assert "byte 0 is not UTF-8" in words
    assert "faulty.yaml:1: rules: it is missing" in words
    assert "there is no pack '../mine'; allowed: bytes, cj-t94, device-health, faulty, gb5749-2022" in words
    assert "'other' is named twice" in words


def test_every_shipped_pack_is_sound() -> None:
    """What is in the folder of packs can be loaded, all of it."""
    assert {pack.id for pack in load_packs(known_packs())} == set(known_packs())
