"""The order of call of one alert: which step is next, and when (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec

from alerts.alert import Alert
from alerts.policy import CallStep, Match, Policy
from devices.registry import Registry

#: Nobody is called for an alert in one of these states.
MUTED = frozenset({"shelved", "suppressed", "out_of_service"})


class Case(msgspec.Struct):
    """What routing knows of one alert. Times are journal time in ms since 1970 UTC; 0 = not set.

    Delays of steps count from ``base``; ``done`` is the delay of the last step that was called (-1 = none yet) and
    ``asked`` its people who may still hear of it. ``told`` are the receivers (channel, person) who know of it and hear
    what becomes of it. ``overdue`` says that it was acknowledged too long ago: steps go on.
    """

    alert: Alert
    base: int = 0
    done: int = -1
    next_at: int = 0
    called: bool = False
    asked: list[str] = []
    told: list[tuple[str, str]] = []
    remind_at: int = 0
    reminded: int = 0
    timeout_at: int = 0
    overdue: bool = False

    @property
    def due(self) -> int:
        """When something is to be done next; 0 = never."""
        return min((at for at in (self.next_at, self.remind_at, self.timeout_at) if at), default=0)

    def rest(self) -> None:
        """Nobody is called any more."""
        self.next_at = self.remind_at = self.timeout_at = 0
        self.asked = []
        self.overdue = False


class PlannedStep(msgspec.Struct, frozen=True):
    """Targets that are called at the same time, ``after`` so many ms."""

    after: int
    targets: tuple[str, ...]


def plan(policy: Policy, alert: Alert, registry: Registry, at: int) -> list[PlannedStep]:
    """The order of call of an alert as of now, by delay; steps of the same delay are one."""
    steps: dict[int, list[str]] = {}
    for step in _steps(policy, alert, registry, at):
        after = step.after.get(alert.severity)
        if after is not None:
            steps.setdefault(after, []).extend(step.to)
    return [PlannedStep(after, tuple(dict.fromkeys(targets))) for after, targets in sorted(steps.items())]


def _steps(policy: Policy, alert: Alert, registry: Registry, at: int) -> Iterator[CallStep]:
    for route in policy.routes:
        if matches(route.match, alert, registry, at):
            yield from route.calls
            if not route.further:
                return
    yield from policy.steps


def matches(match: Match, alert: Alert, registry: Registry, at: int) -> bool:
    """Whether an alert is among those that ``match`` names."""
    return (
        (not match.severities or alert.severity in match.severities)
        and (not match.packs or alert.pack in match.packs)
        and (not match.units or alert.unit in match.units)
        and (not match.rules or any(fnmatchcase(alert.rule, rule) for rule in match.rules))
        and (not match.grid or any(f"{alert.grid}/".startswith(f"{path.rstrip('/')}/") for path in match.grid))
        and (not match.place_kinds or _place_kind(alert, registry, at) in match.place_kinds)
    )


def _place_kind(alert: Alert, registry: Registry, at: int) -> str:
    return str((registry.get("places", alert.place, at) or {}).get("kind", ""))
