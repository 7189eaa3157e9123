"""The order of call: who is called at which minute, and what ends it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.route_story import CITY, HOOK, MAIL, SMS, ZONE, Story, tell

DAY = 24 * 60.0


@pytest.mark.parametrize(
    ("actions", "told"),
    [
        pytest.param(
            [(0, "fire a")],
            ["0 sms contact fired a", "15 sms head escalated a", "30 sms officer escalated a",
             "60 sms operator escalated a"],
            id="nobody answers: contact, head, grid officer, city",
        ),
        pytest.param(
            [(0, "fire a"), (16, "ack a")],
            ["0 sms contact fired a", "15 sms head escalated a", "16 sms contact acknowledged a",
             "16 sms head acknowledged a"],
            id="acknowledged at 16: those who knew hear it, nobody else is called",
        ),
        pytest.param(
            [(0, "fire a"), (20, "close a")],
            ["0 sms contact fired a", "15 sms head escalated a", "20 sms contact closed a", "20 sms head closed a"],
            id="closed",
        ),
        pytest.param(
            [(0, "fire a"), (20, "shelve a")],
            ["0 sms contact fired a", "15 sms head escalated a", "20 sms contact shelved a", "20 sms head shelved a"],
            id="shelved",
        ),
        pytest.param(
            [(0, "fire a"), (20, "suppress a")],
            ["0 sms contact fired a", "15 sms head escalated a"],
            id="suppressed: silence",
        ),
        pytest.param(
            [(0, "fire a"), (5, "clear a")],
            ["0 sms contact fired a", "5 sms contact cleared a"],
            id="over before anybody looked: nobody is called any more",
        ),
        pytest.param(
            [(0, "fire a"), (5, "clear a"), (40, "fire a")],
            ["0 sms contact fired a", "5 sms contact cleared a", "40 sms contact fired a", "55 sms head escalated a",
             "70 sms officer escalated a", "100 sms operator escalated a"],
            id="it comes back: called from the beginning",
        ),
        pytest.param(
            [(0, "fire a"), (2, "shelve a"), (40, "unshelve a"), (41, "ack a")],
            ["0 sms contact fired a", "2 sms contact shelved a", "40 sms contact fired a",
             "41 sms contact acknowledged a"],
            id="the shelf is over and it still stands: called for again",
        ),
        pytest.param(
            [(0, "mute a"), (30, "unsuppress a"), (31, "close a")],
            ["30 sms contact fired a", "31 sms contact closed a"],
            id="it was muted when it fired",
        ),
    ],
)  # fmt: skip
def test_the_order_of_call(actions: list[tuple[float, str]], told: list[str]) -> None:
    """Each step is called once, after its delay, until somebody acknowledges or it is over."""
    assert tell(actions, 110) == told


@pytest.mark.parametrize(
    ("severity", "minutes"),
    [
        ("critical", {"contact": 0, "head": 5, "officer": 10, "operator": 15}),
        ("major", {"contact": 0, "head": 15, "officer": 30, "operator": 60}),
        ("warning", {"contact": 0, "head": 240, "operator": 1440}),
        ("info", {"contact": 1350}),
    ],
)
def test_the_delays_go_by_severity(severity: str, minutes: dict[str, int]) -> None:
    """The shipped policy: the more severe, the sooner the next is called; info waits for the digest."""
    told = [
        line for line in tell([(0, f"fire a severity={severity}")], 1450) if line.split()[3] in {"fired", "escalated"}
    ]
    assert {line.split()[2]: int(line.split()[0]) for line in told} == minutes


def without(kind: str, name: str) -> dict[str, list[dict[str, Any]]]:
    """The city without one entry."""
    return {**CITY, kind: [one for one in CITY[kind] if one["id"] != name]}


@pytest.mark.parametrize(
    ("registry", "told", "unreachable"),
    [
        pytest.param(
            {**without("people", "contact"), "units": [{"id": "hosp", "kind": "hospital"}]},
            ["0 sms head fired a", "30 sms officer escalated a", "60 sms operator escalated a"],
            ["unit hosp has no contact"],
            id="no contact: the head at once",
        ),
        pytest.param(
            without("people", "contact"),
            ["0 sms head fired a", "30 sms officer escalated a", "60 sms operator escalated a"],
            ["person contact is not in the registry"],
            id="a contact who is gone",
        ),
        pytest.param(
            without("people", "head"),
            ["0 sms contact fired a", "15 sms officer escalated a", "60 sms operator escalated a"],
            ["unit hosp has no head"],
            id="no head: the officer when the head was due",
        ),
        pytest.param(
            without("grid", "hunan-lu"),
            ["0 sms contact fired a", "15 sms head escalated a", "30 sms district escalated a",
             "60 sms operator escalated a"],
            [],
            id="the street has no officer: the district's",
        ),
        pytest.param(
            without("people", "operator"),
            ["0 sms contact fired a", "15 sms head escalated a", "30 sms officer escalated a",
             "60 sms district escalated a"],
            [],
            id="no operators: the district's officer is the city",
        ),
        pytest.param(
            {**CITY, "teams": [{"id": "city", "members": ["operator", "head"]}]},
            ["0 sms contact fired a", "15 sms head escalated a", "30 sms officer escalated a",
             "60 sms operator escalated a", "60 sms head escalated a"],
            [],
            id="the team city is the city",
        ),
        pytest.param(
            {**CITY, "people": [{**one, "channels": ["fax"]} for one in CITY["people"]]},
            [],
            ["person contact has no channel that is configured", "person head has no channel that is configured",
             "person officer has no channel that is configured", "person operator has no channel that is configured"],
            id="nobody has a channel",
        ),
    ],
)  # fmt: skip
def test_nobody_is_waited_for_who_cannot_be_reached(
    registry: dict[str, list[dict[str, Any]]], told: list[str], unreachable: list[str]
) -> None:
    """A step without anybody is the next step at once, and the router says whom it could not reach."""
    story = Story(registry=registry)
    story.do("fire a")
    story.until(110)
    assert story.told == told
    assert story.router.unreachable == unreachable


def test_the_head_among_the_contacts_is_called_as_head() -> None:
    """Contacts of a unit are those of its list but its head, who is the next step."""
    registry = {**CITY, "units": [{"id": "hosp", "kind": "hospital", "contacts": ["head", "contact"]}]}
    told = tell([(0, "fire a"), (20, "ack a")], 30, registry=registry)
    assert told[:2] == ["0 sms contact fired a", "15 sms head escalated a"]


def test_a_device_without_unit_calls_the_city_at_once() -> None:
    """An alarm of the gateway has no unit and no grid: operators hear of it without delay."""
    told = tell([(0, "fire a unit= grid= place= device=gateway")], 110, channels=[HOOK, SMS])
    assert told == ["0 hook fired a", "0 sms operator fired a"]


ROUTES = """\
steps: [{to: unit_contact}]
routes:
  - {match: {packs: [device-health]}, to: {person: officer}}
  - {match: {rules: ["chlorine-*"], severities: [critical]}, to: [{person: operator}, city], continue: true}
  - {match: {grid: [gulou/hunan], place_kinds: [network]}, to: {person: district}}
  - {match: {grid: [gulou], place_kinds: [waste_store], units: [hosp]}, steps: [{to: unit_head, after: 2m}]}
"""


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("pack=device-health", ["0 sms officer fired a"]),
        ("severity=critical", ["0 sms operator fired a", "0 sms contact fired a"]),
        ("severity=critical rule=ph-low", ["0 sms contact fired a"]),
        ("place_kind=waste_store", ["2 sms head fired a"]),
        ("place_kind=waste_store unit=other", []),
        ("grid=gulou/hunan", ["0 sms district fired a"]),
        ("grid=gulou/hunan-lu", ["0 sms contact fired a"]),
    ],
)
def test_the_first_route_that_matches_wins(fields: str, told: list[str]) -> None:
    """By pack, rule, severity, kind of place, grid and unit; ``continue`` goes on to those below."""
    assert tell([(0, f"fire a {fields}")], 10, ROUTES) == told


def test_a_person_is_called_once_by_one_step() -> None:
    """Contact and team member at the same time is one message."""
    registry = {**CITY, "teams": [{"id": "t", "members": ["contact", "officer"]}]}
    policy = "steps: [{to: [unit_contact, {team: t}, {person: officer}]}]"
    assert tell([(0, "fire a")], 5, policy, registry=registry) == ["0 sms contact fired a", "0 sms officer fired a"]


def test_steps_that_come_late_keep_their_distance() -> None:
    """The gateway was down for two hours: the next is called at once, the others not at the same moment."""
    story = Story()
    story.do("fire a")
    story.now = story.start + 120 * 60_000
    story.note(story.router.tick(story.now, story.alerts, story.registry))
    assert story.told == ["0 sms contact fired a", "120 sms head escalated a"]
    story.until(170)
    assert story.told[2:] == ["135 sms officer escalated a", "165 sms operator escalated a"]


def test_whoever_is_given_an_alert_hears_of_it() -> None:
    """Assigning tells the person, and only this one."""
    told = tell([(0, "fire a"), (3, "assign a assigned_to=officer")], 10)
    assert told == ["0 sms contact fired a", "3 sms officer escalated a"]


REMIND = (
    "reminder: {every: 4h, most: 2}\nacknowledge_timeout: 8h\nsteps: [{to: unit_contact}, {to: unit_head, after: 1h}]"
)


def test_an_alert_that_nobody_acknowledges_is_reminded_of() -> None:
    """Every four hours, at most twice, to all who were told."""
    told = tell([(0, "fire a")], DAY, REMIND)
    assert told == [
        "0 sms contact fired a", "60 sms head escalated a", "240 sms contact reminder a", "240 sms head reminder a",
        "480 sms contact reminder a", "480 sms head reminder a",
    ]  # fmt: skip


def test_an_acknowledgement_does_not_last_for_ever() -> None:
    """Acknowledged and still standing after eight hours: the next step is called."""
    told = tell([(0, "fire a"), (10, "ack a")], 600, REMIND)
    assert told == ["0 sms contact fired a", "10 sms contact acknowledged a", "490 sms head escalated a"]


def test_the_last_step_is_called_again_when_an_acknowledgement_runs_out() -> None:
    """There is nobody above the head: the head hears again."""
    told = tell([(0, "fire a"), (70, "ack a")], 600, REMIND)
    assert told[-1] == "550 sms head escalated a"


def test_what_was_acknowledged_and_is_over_calls_nobody() -> None:
    """The condition went within the eight hours."""
    told = tell([(0, "fire a"), (10, "ack a"), (300, "clear a")], DAY, REMIND)
    assert told[2:] == ["300 sms contact cleared a"]


def test_what_stands_acknowledged_is_repeated_where_asked() -> None:
    """``group.repeat`` keeps an acknowledged alert from being forgotten."""
    policy = "acknowledge_timeout: null\ngroup: {repeat: 6h}\nreminder: null"
    told = tell([(0, "fire a"), (5, "ack a")], 13 * 60, policy)
    assert told[2:] == ["365 sms contact reminder a", "725 sms contact reminder a"]


def test_over_and_not_looked_at_is_in_the_next_morning_digest() -> None:
    """Returned without acknowledgement: no more calls, one reminder at 08:30 (22.5 hours after 10:00)."""
    told = tell([(0, "fire a"), (5, "clear a")], 2 * DAY)
    assert told == ["0 sms contact fired a", "5 sms contact cleared a", "1350 sms contact reminder a"]


@pytest.mark.parametrize("end", ["ack a", "close a"])
def test_whoever_looked_is_not_reminded(end: str) -> None:
    """The reminder is withdrawn."""
    told = tell([(0, "fire a"), (5, "clear a"), (60, end)], 2 * DAY)
    assert [line for line in told if "reminder" in line] == []


def test_a_message_that_fails_goes_by_the_next_channel_with_the_same_event() -> None:
    """SMS, then mail; it is given up after ``fallback_after`` where there is another channel."""
    story = Story(channels=[SMS, MAIL])
    story.do("fire a")
    (first,) = story.messages
    assert (first.next_channels, first.max_age_s, first.call) == (("mail",), 180, "contact")
    story.fail(first)
    assert story.told == ["0 sms contact fired a", "0 mail contact fired a"]
    assert (story.messages[1].next_channels, story.messages[1].max_age_s) == ((), 0)


def test_when_no_channel_reaches_a_person_the_next_step_is_called_at_once() -> None:
    """Nobody waits a quarter of an hour for somebody who was never told; the later steps keep their time."""
    story = Story(channels=[SMS, MAIL])
    story.do("fire a")
    story.until(4)
    story.fail(story.messages[-1])
    story.until(8)
    story.fail(story.messages[-1])
    story.until(31)
    assert story.told == [
        "0 sms contact fired a", "4 mail contact fired a", "8 sms head escalated a", "30 sms officer escalated a",
    ]  # fmt: skip


def test_a_failure_calls_nobody_while_another_of_the_step_was_told() -> None:
    """Two contacts, one refused: the other one has the alert."""
    registry = {**CITY, "units": [{"id": "hosp", "kind": "hospital", "contacts": ["contact", "officer"]}]}
    story = Story(registry=registry)
    story.do("fire a")
    story.fail(story.messages[0])
    assert story.told == ["0 sms contact fired a", "0 sms officer fired a"]
    story.fail(story.messages[1])
    assert story.told[2:] == ["0 sms head escalated a"]


def test_a_failure_after_the_acknowledgement_calls_nobody() -> None:
    """Somebody has it in hand."""
    story = Story()
    story.do("fire a")
    story.do("ack a")
    story.fail(story.messages[0])
    assert [line for line in story.told if "escalated" in line] == []


def test_people_are_told_by_their_own_channels_in_order() -> None:
    """A person's ``channels`` come before the policy's; unknown ones are left out."""
    people = [{**one, "channels": ["fax", "mail", "sms"]} for one in CITY["people"]]
    story = Story(channels=[SMS, MAIL], registry={**CITY, "people": people})
    story.do("fire a")
    assert (story.told, story.messages[0].next_channels) == (["0 mail contact fired a"], ("sms",))


def test_the_policy_orders_the_channels_of_everybody_else() -> None:
    """``channels`` of the routing file."""
    assert tell([(0, "fire a")], 1, "channels: [mail, sms]", channels=[SMS, MAIL]) == ["0 mail contact fired a"]


def test_a_policy_may_change_while_alerts_stand() -> None:
    """Steps that were called stay called; those of the new policy follow."""
    story = Story()
    story.do("fire a")
    story.until(16)
    story.policy = Story("steps: [{to: unit_contact}, {to: grid_officer, after: 20m}]").policy
    story.router.use(story.policy, story.channels, ZONE)
    story.until(120)
    assert story.told[2:] == ["30 sms officer escalated a"]


def test_a_place_that_does_not_notify_any_more_calls_nobody() -> None:
    """The place was suspended after the alert fired; when the alert ends unheard, its case goes within a day."""
    story = Story()
    story.do("fire a")
    story.alerts["a"].notify = False
    story.until(5 * 60)
    assert story.told == ["0 sms contact fired a"]
    del story.alerts["a"]
    story.do("fire b")
    story.until(3 * DAY)
    assert list(story.router._calls.all) == ["b"]


def test_an_acknowledged_alert_keeps_its_time_out_over_a_hold() -> None:
    """Muted and released while acknowledged: nobody is called at once, and not never either."""
    story = Story(REMIND)
    story.do("fire a")
    story.do("ack a")
    story.do("suppress a")
    story.until(60)
    story.do("unsuppress a state=acknowledged")
    story.until(600)
    assert story.told[2:] == ["540 sms head escalated a"]


def test_whoever_is_given_an_alert_that_is_muted_hears_of_it() -> None:
    """Nobody was told of it before; only this person is."""
    assert tell([(0, "mute a"), (1, "assign a assigned_to=officer")], 60) == ["1 sms officer escalated a"]


def test_state_of_closed_alerts_goes() -> None:
    """Memory is that of the alerts that are not over."""
    story = Story(channels=[HOOK, SMS])
    story.do("fire keep")
    story.until(10)
    before = len(story.router.dump())
    for index in range(50):
        story.do(f"fire x{index}")
    for index in range(50):
        story.do(f"close x{index}")
    story.until(60)
    assert len(story.router.dump()) < before + 2000
