"""A desk with a clock in minutes, for stories of alerts."""

from __future__ import annotations

from itertools import count
from typing import Any

from alerts.alert import Alert, Step
from alerts.change import Change
from alerts.desk import Desk
from devices.observation import Subject

MINUTE = 60_000
HOUR = 60 * MINUTE


def subject(device: str = "d1", parameter: str = "ph", **facts: Any) -> Subject:
    """A channel of a device, or without a parameter the device itself; its place is ``p-DEVICE``."""
    facts = {"place": f"p-{device}", "unit": "u", "grid": "g/s", **facts}
    return Subject(f"{device}/-/{parameter}", device=device, parameter=parameter, parameter_unit="", **facts)


class Story:
    """A desk and a clock in minutes. Each thing done returns its steps in short: ``EVENT FROM>TO REASON [told]``."""

    def __init__(self, **bounds: int) -> None:
        self.desk = Desk(**bounds)
        self.now = 0
        self.steps: list[Step] = []
        self._ids = count(1)
        self._offset = count(100)

    def mint(self) -> str:
        """a1, a2, ... in the order of firing."""
        return f"a{next(self._ids)}"

    def at(self, minute: float) -> list[str]:
        """Time goes on to this minute."""
        self.now = int(minute * MINUTE)
        return self.short(self.desk.tick(self.now))

    def change(self, rule: str, *, on: bool, about: Subject | None = None, **facts: Any) -> Change:
        """A turn of a condition now."""
        known: dict[str, Any] = {
            "severity": "warning",
            "kind": "limit",
            "reason": "bad_readings" if on else "back_in_limits",
        }
        known |= {"value": 9.5 if on else 7.0, "limit_value": 8.5, "since": self.now, "ts": self.now, "at": self.now}
        return Change(on=on, rule=rule, pack="p", digest="x", subject=about or subject(), **(known | facts))

    def on(self, rule: str = "high", about: Subject | None = None, **facts: Any) -> list[str]:
        """A condition holds."""
        return self.take(self.change(rule, about=about, on=True, **facts))

    def off(self, rule: str = "high", about: Subject | None = None, **facts: Any) -> list[str]:
        """And holds no longer."""
        return self.take(self.change(rule, about=about, on=False, **facts))

    def take(self, change: Change) -> list[str]:
        """The desk takes a change."""
        return self.short(self.desk.changed(change, next(self._offset), self.mint))

    def act(self, command: str, by: str = "account:li", **args: Any) -> list[str]:
        """A person does something; alerts are a1 if not said."""
        if command.startswith("maintenance."):
            name, args = command, {"device": "d1", **args}
        else:
            name, args = f"alerts.{command}", {"id": "a1", **args}
        return self.short(self.desk.act(name, args, by, self.now, next(self._offset)))

    def alert(self, name: str = "a1") -> Alert:
        """An alert that the desk knows."""
        return self.desk.open[name]

    def short(self, steps: list[Step]) -> list[str]:
        """Steps in short."""
        self.steps = steps
        return [
            f"{step.event} {step.from_state}>{step.to_state} {step.reason}{' told' if step.tell else ''}"
            for step in steps
        ]
