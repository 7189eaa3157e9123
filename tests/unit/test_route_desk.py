"""Desk and router together, as decide runs them: a district loses power."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from alerts.alert import Step
from alerts.change import Change
from alerts.desk import Desk
from alerts.route import Message, Router
from devices.observation import Subject
from tests.route_story import CITY, HOOK, MINUTE, SMS, START, ZONE, policy_of, registry_of

COUNT = 2000


class District:
    """2,000 devices that fall silent; every step of the desk that is to be told goes to the router."""

    def __init__(self) -> None:
        self.desk, self.router, self.registry = Desk(), Router(), registry_of(CITY)
        self.router.use(policy_of(), [HOOK, SMS], ZONE)
        self.sent: list[Message] = []

    def turn(self, on: bool, now: int) -> None:
        """All devices at once."""
        for index in range(COUNT):
            subject = Subject(f"d{index}/-/", f"d{index}", unit="hosp", place="hosp-1", grid="gulou/hunan-lu")
            change = Change(
                on=on, rule="device-silent", pack="device-health", digest="", severity="major", kind="silent",
                subject=subject, value=None, limit_value=None, since=now, ts=now, at=now,
                reason="silent" if on else "data_again",
            )  # fmt: skip
            self.tell(self.desk.changed(change, index, lambda index=index: f"id{index:04}"), now)  # type: ignore[misc]

    def tell(self, steps: Iterable[Step], now: int) -> None:
        """Hand on what is to be told."""
        for step in steps:
            if step.tell and step.alert.notify:
                self.sent += self.router.step(step, self.registry, now)

    def until(self, end: int) -> list[Message]:
        """Let time pass; gives what went out since the last time."""
        while (now := min(self.desk.due, self.router.due)) <= end:
            self.tell(self.desk.tick(int(now)), int(now))
            self.sent += self.router.tick(int(now), self.desk.open, self.registry)
        sent, self.sent = self.sent, []
        return sent


def test_two_thousand_silent_devices_and_their_return() -> None:
    """A message and a digest for the contact when they go, the same when they come back; closing leaves nothing."""
    district = District()
    district.turn(on=True, now=START)
    gone = district.until(START + 10 * MINUTE)
    district.turn(on=False, now=START + 10 * MINUTE)
    back = district.until(START + 60 * MINUTE)
    for sent, single, state in ((gone, "fired", "active"), (back, "cleared", "returned")):
        assert Counter((one.person or one.channel, one.event) for one in sent) == {
            ("contact", single): 1, ("contact", "digest"): 1, ("hook", single): 10, ("hook", "digest"): 1,
        }  # fmt: skip
        for receiver in ("contact", "hook"):
            told = {
                alert.id: alert.state for one in sent if receiver in {one.person, one.channel} for alert in one.alerts
            }
            assert told == {f"id{index:04}": state for index in range(COUNT)}
    for alert in list(district.desk.open):
        district.tell(
            district.desk.act("alerts.close", {"id": alert, "reason": "resolved"}, "person:p", START + 90 * MINUTE, 1),
            START + 90 * MINUTE,
        )
    district.until(START + 3 * 1440 * MINUTE)
    assert (district.router.due, len(district.router.dump()) < 1000) == (float("inf"), True)
