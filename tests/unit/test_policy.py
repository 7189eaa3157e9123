"""The routing file: what is read, and every fault with its line."""

from __future__ import annotations

import pytest

from alerts.alert import Alert
from alerts.inhibit import entries_of
from alerts.policy import SHIPPED_POLICY, Policy, parse_policy
from alerts.rules import PackError
from tests.route_story import alert_of

HEAD = 'routing: mine\nversion: "1"\n'
STEPS = "steps: [{to: unit_contact}]\n"


def faults(text: str) -> list[str]:
    """The faults of a file that cannot be read."""
    with pytest.raises(PackError) as caught:
        parse_policy(text, "mine.yaml")
    return caught.value.faults


def test_the_shipped_file_says_what_the_defaults_say() -> None:
    """Whoever deletes a key of the shipped file changes nothing."""
    shipped = parse_policy(SHIPPED_POLICY.read_text(encoding="utf-8"), "routing.yaml")
    bare = Policy.model_validate({"routing": shipped.id, "version": shipped.version, "steps": []})
    assert bare.model_copy(update={"steps": shipped.steps}) == shipped


def test_delays_are_by_severity_or_one_for_all() -> None:
    """``after: 30m`` calls at every severity, a mapping only at those it names."""
    steps = (
        "steps: [{to: [city, {team: t}, 'person:p'], after: 30m}, {to: unit_head, after: {critical: 0m, major: 1h}}]\n"
    )
    first, second = parse_policy(HEAD + steps, "mine.yaml").steps
    assert first.to == ["city", "team:t", "person:p"]
    assert first.after == dict.fromkeys(("info", "warning", "major", "critical"), 1_800_000)
    assert second.after == {"critical": 0, "major": 3_600_000}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("steps: [{to: nobody}]", "steps[0].to[0] = 'nobody': allowed: unit_contact, unit_head, grid_officer"),
        ("steps: [{to: {squad: x}}]", "steps[0].to[0]: allowed: unit_contact"),
        ("steps: [{to: []}]", "steps[0].to: allowed: have at least 1 item"),
        ("steps: [{to: city, after: 15}]", "steps[0].after = 15: allowed: a whole number and s, m, h or d"),
        ("steps: [{to: city, after: {big: 15m}}]", "steps[0].after: there is no severity big; allowed: info, warning"),
        ("steps: [{to: city, when: now}]", "steps[0].when: there is no such key; allowed: to, after"),
        (STEPS + "group: {burst: 0}", "group.burst = 0: allowed: greater than or equal to 1"),
        (STEPS + "group: {wait: 1y}", "group.wait = '1y': allowed: a whole number and s, m, h or d"),
        (STEPS + "flood: {alerts: 1}", "flood.alerts = 1: allowed: greater than or equal to 2"),
        (STEPS + "quiet_hours: {}", "quiet_hours: allowed: hours, calendar or both"),
        (STEPS + "quiet_hours: {hours: [22-7]}", "quiet_hours.hours[0] = '22-7': allowed: hours in quotes"),
        (STEPS + "quiet_hours: {hours: ['08:00-08:00']}", "quiet_hours.hours[0] = '08:00-08:00': allowed: hours"),
        (STEPS + "quiet_hours: {hours: ['20:00-08:00', '07:30-20:00']}", "quiet_hours: the hours leave no time"),
        (STEPS + "digest: {at: 18:30}", "digest.at = 1110: allowed: a time of day in quotes"),
        (STEPS + "routes: [{match: {}}]", "routes[0]: allowed: exactly one of to, steps"),
        (STEPS + "routes: [{match: {rule: x}, to: city}]", "routes[0].match.rule: there is no such key"),
        (STEPS + "routes: [{match: {severities: [bad]}, to: city}]", "routes[0].match.severities[0] = 'bad': allowed:"),
        (STEPS + "inhibit: [{source: {}, target: {}, equal: []}]", "inhibit[0].equal: allowed: have at least 1 item"),
        (STEPS + "inhibit: [{source: {}, target: {}, equal: [moon]}]", "inhibit[0].equal[0] = 'moon': allowed:"),
        ("", "steps: it is missing"),
        ("steps: []\nsteps: []", "steps: the key is written twice; allowed: once"),
    ],
)  # fmt: skip
def test_a_fault_says_what_is_allowed(text: str, fault: str) -> None:
    """Line, key, value and what is allowed, in one line."""
    (found,) = faults(HEAD + text + "\n")
    place, _, words = found.partition(": ")
    assert words.startswith(fault)
    assert place.startswith("mine.yaml:")


def test_all_faults_are_told_at_once_with_their_lines() -> None:
    """A file is corrected in one go."""
    found = faults(HEAD + "steps:\n  - {to: nobody}\n  - {to: city, after: soon}\nflood: {window: 0m}\nmood: bad\n")
    assert [one.split(":")[1] for one in found] == ["4", "5", "6", "7"]


def test_what_is_no_yaml_is_one_fault() -> None:
    """So is an empty file and a list."""
    assert [one.startswith("mine.yaml:1: not YAML") for one in faults("a: [")] == [True]
    assert faults("") == ["mine.yaml:1: the file is empty"]
    assert len(faults("- a\n")) == 1


def test_named_channels_are_those_that_must_exist() -> None:
    """For ``doctor``: persons' channels, broadcast channels and targets."""
    text = STEPS + "channels: [sms]\nbroadcast: [{channel: hook}]\nroutes: [{match: {}, to: {channel: robot}}]\n"
    assert parse_policy(HEAD + text, "mine.yaml").named_channels == ["hook", "robot", "sms"]


@pytest.mark.parametrize(
    ("match", "fields", "fits"),
    [
        ("{}", {}, True),
        ("{rules: ['chlorine-*']}", {}, True),
        ("{rules: ['gb5749-2022/*']}", {}, True),
        ("{rules: ['ph-*']}", {}, False),
        ("{grid: [gulou/]}", {}, True),
        ("{grid: [gulou/hunan]}", {}, False),
        ("{kinds: [absent]}", {"kind": "absent"}, True),
        ("{place_kinds: [waste_store]}", {}, False),
        ("{severities: [major], units: [hosp], packs: [gb5749-2022]}", {}, True),
    ],
)  # fmt: skip
def test_match(match: str, fields: dict[str, str], fits: bool) -> None:
    """All that is named must fit; what is not named fits always."""
    (route,) = parse_policy(HEAD + STEPS + f"routes: [{{match: {match}, to: city}}]\n", "mine.yaml").routes
    alert: Alert = alert_of("a", **fields)
    assert route.match.side.fits(alert) is fits


def test_inhibit_entries_are_those_of_the_desk() -> None:
    """What the file may say is what muting understands."""
    text = STEPS + "inhibit: [{source: {kinds: [silent]}, target: {}, equal: [device, key], higher: true}]\n"
    (entry,) = entries_of(one.model_dump() for one in parse_policy(HEAD + text, "mine.yaml").inhibit)
    assert (entry.source.kinds, entry.equal, entry.higher, entry.early) == (("silent",), ("device", "key"), True, False)
