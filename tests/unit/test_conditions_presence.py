"""Stories of silence: each row is a minute of journal time, what arrives, and what is expected."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.conditions import MINUTE, START, Site

ABSENT = "id: r, severity: major, parameter: turbidity, condition: {absent: {intervals: 3, least: 5m}}"
SILENT = "id: r, severity: major, condition: {silent: {intervals: 3, least: 5m}}"
INVALID = "id: r, severity: major, parameter: turbidity, condition: {invalid: {intervals: 5, least: 10m}}"

Story = list[tuple[float, str, str]]

STORIES: dict[str, tuple[str, Story]] = {
    "a channel that sends nothing while its device speaks": (
        ABSENT,
        [
            (1, "turbidity=1", ""),
            (4, "ph=7", ""),
            (5.9, "ph=7", ""),
            (6, "ph=7", "on absent"),
            (60, "ph=7", ""),
            (61, "turbidity=1", "off data_again"),
            (65, "tick", ""),
            (66, "tick", "on absent"),
        ],
    ),
    "a channel that never sent is missed since its registration": (
        ABSENT,
        [(4.9, "tick", ""), (5, "tick", "on absent"), (6, "turbidity=1", "off data_again")],
    ),
    "a reading of any flag ends absence, and absence waits for the last of them": (
        ABSENT,
        [(1, "turbidity=1!D", ""), (5, "tick", ""), (6, "tick", "on absent"), (7, "turbidity=1!M", "off data_again")],
    ),
    "a device that sends nothing at all": (
        SILENT,
        [(2, "ph=7", ""), (6.9, "tick", ""), (7, "tick", "on silent"), (8, "ph=7", "off data_again")],
    ),
    "a status is a sign of life": (
        SILENT,
        [(4, "status online", ""), (8, "tick", ""), (9, "tick", "on silent"), (10, "status online", "off data_again")],
    ),
    "the last will is silence at once, and what comes ends it": (
        SILENT,
        [
            (1, "ph=7", ""),
            (2, "status offline", "on silent"),
            (3, "status offline", ""),
            (9, "ph=7", "off data_again"),
            (10, "tick", ""),
            (14, "tick", "on silent"),
        ],
    ),
    "a device that sleeps is not expected": (
        SILENT,
        [
            (1, "status sleeping", ""),
            (60, "tick", ""),
            (61, "status online", ""),
            (65, "tick", ""),
            (66, "tick", "on silent"),
        ],
    ),
    "while the broker is away nobody is silent, afterwards a whole interval counts": (
        SILENT,
        [
            (1, "ph=7", ""),
            (2, "lost", ""),
            (30, "tick", ""),
            (31, "caught up", ""),
            (35, "tick", ""),
            (36, "tick", "on silent"),
        ],
    ),
    "a last will during the outage is looked at when all has come": (
        SILENT,
        [(1, "ph=7", ""), (2, "lost", ""), (3, "status offline", ""), (31, "caught up", ""), (32, "tick", "on silent")],
    ),
    "what was open before an outage stays open until data come": (
        SILENT,
        [
            (5, "tick", "on silent"),
            (6, "lost", ""),
            (30, "caught up", ""),
            (60, "tick", ""),
            (61, "ph=7", "off data_again"),
        ],
    ),
    "values that do not count for many intervals": (
        INVALID,
        [
            (0, "turbidity=1", ""),
            *((float(n), "turbidity=1!D", "") for n in range(1, 10)),
            (10, "turbidity=1!D", "on invalid"),
            (11, "turbidity=1!D", ""),
            (12, "turbidity=1", "off data_again"),
        ],
    ),
    "values that were refused count as invalid ones": (
        INVALID,
        [
            (0, "turbidity=1", ""),
            *((float(n), "refused turbidity", "") for n in range(1, 10)),
            (11, "tick", "on invalid"),
        ],
    ),
    "maintenance is no lack of valid values": (
        INVALID,
        [(0, "turbidity=1", ""), *((float(n), "turbidity=1!M", "") for n in range(1, 30))],
    ),
    "silence is not called invalid": (
        INVALID,
        [(0, "turbidity=1", ""), (1, "turbidity=1!D", ""), (30, "tick", ""), (31, "ph=7", "")],
    ),
    "who sleeps and is gone while nobody listens is silent afterwards": (
        SILENT,
        [
            (1, "status sleeping", ""),
            (5, "tick", ""),
            (30, "lost", ""),
            (31, "status offline", ""),
            (32, "caught up", ""),
            (33, "tick", "on silent"),
        ],
    ),
    "what is silent beyond the hours of its rule is told again the next morning": (
        SILENT.replace("condition", "schedule: {hours: ['08:00-10:00'], weekdays: [1, 2, 3, 4, 5, 6, 7]}, condition"),
        [
            (5, "tick", "on silent"),
            (119, "tick", ""),
            (120, "tick", "off outside_schedule"),
            *((float(n), "tick", "") for n in range(121, 24 * 60)),
            (24 * 60 + 1, "tick", "on silent"),
        ],
    ),
    "so is a channel": (
        ABSENT.replace("condition", "schedule: {hours: ['08:00-10:00'], weekdays: [1, 2, 3, 4, 5, 6, 7]}, condition"),
        [
            (5, "tick", "on absent"),
            (120, "tick", "off outside_schedule"),
            *((float(n), "tick", "") for n in range(121, 24 * 60)),
            (24 * 60 + 1, "tick", "on absent"),
        ],
    ),
    "an off-delay wants data for a while": (
        SILENT.replace("condition", "clear: {for: 3m}, condition"),
        [(5, "tick", "on silent"), (11, "ph=7", ""), (12, "ph=7", ""), (14, "ph=7", "off data_again")],
    ),
    "a slow reporter has its own interval": (
        ABSENT.replace("least: 5m", "least: 1m"),
        [(1, "turbidity=1", ""), (3.9, "tick", ""), (4, "tick", "on absent")],
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_a_story_of_silence(name: str) -> None:
    """The story goes as its table says, with a restart after every step."""
    rule, story = STORIES[name]
    Site(rule).play(story)


@pytest.mark.parametrize(
    "change",
    [{"report_ms": 0}, {"mode": "held"}, {"service": False}],
    ids=["without an interval", "held", "out of service"],
)
def test_nothing_is_expected_of_such_channels(change: dict[str, object]) -> None:
    """They may be silent for days."""
    site = Site(ABSENT)
    site.base = msgspec.structs.replace(site.base, **change)
    site.play([(0, "turbidity=1", ""), (24 * 60, "tick", "")])


def test_silence_says_since_when_nothing_came() -> None:
    """It begins with the last message, whenever it is noticed."""
    fired = Site(SILENT).play([(2, "ph=7", ""), (20, "tick", "on silent")])[0]
    assert (fired.kind, fired.subject.key, fired.since, fired.value) == ("silent", "d/-/", START + 2 * MINUTE, None)


def test_a_registration_gives_a_whole_interval() -> None:
    """Whoever changes the entry of a silent device is not told at once that it is silent."""
    site = Site(SILENT)
    site.play([(4, "tick", "")])
    site.evaluation.presence.registered("d", START + 4 * MINUTE)
    site.play([(8, "tick", ""), (9, "tick", "on silent")])


def test_a_device_that_is_removed_is_not_expected_any_more() -> None:
    """Its slot stays and nothing of it is judged."""
    site = Site(SILENT)
    site.evaluation.presence.removed("d")
    site.play([(60, "tick", "")])


def test_devices_that_are_silent_at_once_come_in_the_order_of_their_silence() -> None:
    """First the one that fell silent first, and a device before its channels."""
    site = Site(SILENT, ABSENT.replace("id: r", "id: s"))
    found = site.play([(1, "ph=7", ""), (30, "tick", "on absent on silent")])
    assert [change.rule for change in found] == ["s", "r"]
    site = Site(SILENT, ABSENT.replace("id: r", "id: s"))
    site.play([(1, "turbidity=7", ""), (30, "tick", "on silent on absent")])
