"""Producer profiles: what is shipped, what an installation sets in their place, and how faults are told."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from custody.profile import Profile
from custody.profiles import ProfileError, load_profiles, parse_profile, parse_profiles, profile_of, shipped

HOSPITAL = shipped()["hospital"]


def faults(text: str) -> list[str]:
    """The faults of a profile, without the file's name."""
    with pytest.raises(ProfileError) as raised:
        parse_profile(text, "p.yaml")
    return [fault.removeprefix("p.yaml:") for fault in raised.value.faults]


def test_three_profiles_are_shipped_and_say_what_they_are() -> None:
    """Hospital daily with confirmation, clinic weekly with two badges and no scale, collection point that receives."""
    found = parse_profiles(shipped())
    assert list(found) == ["clinic", "collection_point", "hospital"]
    assert {name: (one.id, one.collection.every, one.handover) for name, one in found.items()} == {
        "clinic": ("clinic", "weekly", "badges"),
        "collection_point": ("collection_point", "daily", "confirm"),
        "hospital": ("hospital", "daily", "confirm"),
    }
    assert found["clinic"].weighed == ()
    assert "receive" in found["collection_point"].begins


def test_every_number_has_a_source_and_none_from_memory_is_called_verified() -> None:
    """No statutory tolerance and no hour of collection was read in a text."""
    for one in parse_profiles(shipped()).values():
        sources = [one.source, one.collection.source, *(each.source for each in one.tolerance.values())]
        assert all(sources)
        assert not any((one.verified, one.collection.verified, *(each.verified for each in one.tolerance.values())))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("every: daily", "every: hourly", ["17: collection.every = 'hourly': allowed: 'daily', 'weekly' or 'call'"]),
        ('by: "18:00"', 'by: "25:00"', [
            "18: collection.by = '25:00': allowed: a time of day in quotes, such as \"18:00\""]),
        ("weighed: [collect]", "weight: [collect]", [
            "7: weighed: it is missing",
            ("13: weight: there is no such key; allowed: profile, version, title, begins, two, weighed, handover, "
             "collection, tolerance, most_g, division_g, settle_h, baseline_days, baseline_least, source, verified")]),
        ("most_g: 60000", "most_g: 60.5", ["31: most_g = 60.5: allowed: a valid integer"]),
        ("baseline_least: 7", "baseline_least: 70", ["7: the profile: baseline_least 70 is above baseline_days 28"]),
        ("profile: hospital", "profile: Hospital!", [
            "7: profile = 'Hospital!': allowed: match pattern '^[a-z][a-z0-9_]{0,63}$'"]),
        ("handover: confirm", "handover: confirm\nhandover: badges", [
            "15: handover: the key is written twice; allowed: once"]),
    ],
    ids=["word", "time", "key", "number", "between", "id", "twice"],
)  # fmt: skip
def test_a_fault_names_line_value_and_what_is_allowed(old: str, new: str, expected: list[str]) -> None:
    """One change of the hospital's profile each."""
    assert old in HOSPITAL
    assert faults(HOSPITAL.replace(old, new)) == expected


def test_an_unknown_step_is_told_with_all_steps() -> None:
    """Where it stands in its list."""
    (fault,) = faults(HOSPITAL.replace("begins: [pack, collect]", "begins: [pack, colect]"))
    assert fault.startswith("11: begins[1] = 'colect': no such step; allowed: arrive, bin_clean, collect, ")


def test_all_faults_are_told_at_once() -> None:
    """In the order of their lines."""
    found = faults(HOSPITAL.replace("every: daily", "every: no").replace("store_out: {", "sout: {"))
    assert [fault.split(":")[0] for fault in found] == ["17", "26"]
    assert "tolerance.sout" in found[1]


def test_a_missing_pair_of_weights_is_told() -> None:
    """A balance asks for each of them."""
    text = "\n".join(line for line in HOSPITAL.splitlines() if "load_plant" not in line)
    assert faults(text) == ["7: the profile: tolerance: load_plant missing"]


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "profile"], ids=["empty", "broken", "list", "word"])
def test_what_is_no_profile_is_one_fault(text: str) -> None:
    """Not a traceback."""
    assert len(faults(text)) == 1


def test_own_profiles_replace_and_extend_the_shipped_ones(tmp_path: Path) -> None:
    """A file of the same name takes the place; another name is another profile."""
    (tmp_path / "clinic.yaml").write_text(shipped()["clinic"].replace("every: weekly", "every: call"), encoding="utf-8")
    (tmp_path / "dental.yaml").write_text(HOSPITAL.replace("profile: hospital", "profile: dental"), encoding="utf-8")
    found = parse_profiles(load_profiles(tmp_path))
    assert sorted(found) == ["clinic", "collection_point", "dental", "hospital"]
    assert found["clinic"].collection.every == "call"
    assert parse_profiles(load_profiles(tmp_path / "none")) == parse_profiles(shipped())


def test_faults_of_all_own_profiles_are_told_together(tmp_path: Path) -> None:
    """Each with its file; a file that is not called by its profile's id is one."""
    (tmp_path / "clinic.yaml").write_text(HOSPITAL, encoding="utf-8")
    (tmp_path / "dental.yaml").write_text(HOSPITAL.replace("most_g: 60000", "most_g: 0"), encoding="utf-8")
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProfileError) as raised:
        load_profiles(tmp_path)
    assert [fault.removeprefix(f"{tmp_path}/") for fault in raised.value.faults] == [
        "odd.yaml: byte 0 is not UTF-8; allowed: UTF-8 text",
        "clinic.yaml:7: profile = 'hospital'; allowed: 'clinic', the name of the file",
        "dental.yaml:31: most_g = 0: allowed: greater than or equal to 1",
    ]


def test_a_producer_without_a_profile_is_judged_as_a_hospital() -> None:
    """Whatever an old registry says: nobody goes unjudged."""
    found = parse_profiles(shipped())
    assert [profile_of(found, name).id for name in ("clinic", "", "nobody")] == ["clinic", "hospital", "hospital"]


def test_what_is_read_is_what_is_written() -> None:
    """Every field of a profile comes from its file."""
    one = parse_profile(HOSPITAL, "hospital")
    assert msgspec.convert(msgspec.to_builtins(one), Profile) == one
    assert (one.two, one.weighed, one.most_g, one.settle_h) == (("collect", "store_out"), ("collect",), 60_000, 24)
    assert (one.tolerance["load_plant"].divisions, one.tolerance["load_plant"].percent) == (3, 5)
