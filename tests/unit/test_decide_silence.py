"""Silence of devices, told apart from silence of the broker and of the gateway itself: no storm, no missed alarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.rules import pack_text
from gateway import state
from gateway.journal.record import Kind
from tests.support.deciding import Decided, Script, changes, decided

MINUTE = 60_000
HOUR = 60 * MINUTE
DEVICES = 20


class City(Script):
    """Devices that send every minute."""

    def start(self) -> None:
        """The gateway starts."""
        self.other(Kind.START, version="1", channels=["webhook"], packs={"device-health": pack_text("device-health")})

    def register(self) -> None:
        """Twenty devices at one place."""
        places = [{"id": "net", "kind": "network", "disinfectant": "free_chlorine", "profile": "gb5749-2022"}]
        devices = [{"id": f"s-{n}", "place": "net", "kind": "water", "report_s": 60} for n in range(DEVICES)]
        self.other(Kind.REGISTRY, changes=changes({"places": places, "devices": devices}))

    def live(self, minutes: int, without: frozenset[int] = frozenset()) -> None:
        """Everybody sends, but for some devices."""
        for _ in range(minutes):
            self.now += MINUTE
            for number in range(DEVICES):
                if number not in without:
                    turbidity = 0.2 + (self.now // MINUTE + number) % 7 / 100
                    self.reading(f"s-{number}", self.now - 500, turbidity=turbidity)
            self.other(Kind.TICK)

    def quiet(self, minutes: int) -> None:
        """Only time goes by."""
        for _ in range(minutes):
            self.now += MINUTE
            self.other(Kind.TICK)


@pytest.fixture
def city() -> City:
    """A city that has been running for half an hour."""
    city = City()
    city.start()
    city.register()
    city.other(Kind.CAUGHT_UP)
    city.live(30)
    return city


def standing(found: Decided) -> set[tuple[str, str]]:
    """(rule, device) of every alert that ever fired and that no other one explains."""
    return {(row["rule"], row["device"]) for row in found.rows(state.alerts) if row["state"] != "suppressed"}


def test_a_device_that_falls_silent_is_one_alert_which_data_end(tmp_path: Path, city: City) -> None:
    """One device stops: that is told once, of the device and not of its channels, and over when it sends again."""
    city.live(60, without=frozenset({3}))
    city.live(5)
    found = decided(tmp_path, city)
    told = [(row["rule"], row["device"], row["state"]) for row in found.rows(state.alerts)]
    assert [one for one in told if one[2] == "returned"] == [("device-silent", "s-3", "returned")]
    assert {one[1] for one in told} == {"s-3"}
    assert [row["event"] for row in found.rows(state.outbox)] == ["fired", "cleared"]


@pytest.mark.parametrize("how", ["gateway", "broker", "session"])
def test_a_gap_of_our_own_is_no_silence_of_anybody(tmp_path: Path, city: City, how: str) -> None:
    """The gateway was down, the broker away or the session lost for hours: no device is blamed for it."""
    if how == "gateway":
        city.now += 3 * HOUR
        city.start()
    elif how == "broker":
        city.other(Kind.DISCONNECTED, broker="b")
        city.quiet(180)
    else:
        city.other(Kind.SESSION_LOST, reason="expired")
        city.quiet(180)
    city.quiet(1)
    city.other(Kind.CAUGHT_UP)
    city.live(30)
    assert {device for _, device in standing(decided(tmp_path, city))} <= {"gateway"}


def test_who_stays_away_after_a_gap_of_our_own_is_found_after_a_whole_interval(tmp_path: Path, city: City) -> None:
    """Absence begins anew when the marker has come back, and then it counts."""
    city.now += 3 * HOUR
    city.start()
    city.other(Kind.CAUGHT_UP)
    city.live(60, without=frozenset({7}))
    found = decided(tmp_path, city)
    assert standing(found) == {("device-silent", "s-7")}
    row = next(row for row in found.rows(state.alerts) if row["rule"] == "device-silent")
    assert row["fired_at"] - city.now <= -40 * MINUTE


def test_a_backlog_that_is_handed_over_late_fires_no_silence_and_no_clock(tmp_path: Path, city: City) -> None:
    """Hours of readings that the broker had kept arrive within a minute, each with its own old time."""
    city.now += 3 * HOUR
    city.start()
    first = city.now - 3 * HOUR
    for minute in range(180):
        for number in range(DEVICES):
            city.reading(f"s-{number}", first + minute * MINUTE, turbidity=0.2 + minute % 7 / 100)
        city.now += 100
    city.other(Kind.CAUGHT_UP)
    city.live(30)
    assert standing(decided(tmp_path, city)) == set()


def test_a_device_without_registered_channels_is_judged_by_those_that_it_sends(tmp_path: Path, city: City) -> None:
    """One of its parameters stops, or comes with a fault flag only: that is told, as of a device with channels."""
    for minute in range(150):
        city.now += MINUTE
        for number in range(DEVICES):
            values = {"turbidity": 0.2 + minute % 7 / 100}
            if number == 5 and minute < 10:
                values["ph"] = 7.4 + minute % 3 / 100
            flags = {"turbidity": "D"} if number == 6 else None
            city.reading(f"s-{number}", city.now - 500, flags=flags, **values)
        city.other(Kind.TICK)
    assert standing(decided(tmp_path, city)) == {("channel-absent", "s-5"), ("channel-invalid", "s-6")}
