"""The routing file: who hears of an alert, when, by which channel (pure; docs/routing.md shows each key).

A short one::

    routing: city                        # its name
    version: "1"
    steps:                               # the order of call; `after` counts from the firing
      - {to: unit_contact}
      - {to: unit_head, after: {critical: 5m, major: 15m}}     # other severities are not called
      - {to: [grid_officer, {team: night}], after: 30m}
    routes:                              # first match wins, instead of `steps`; continue: true goes on
      - {match: {packs: [device-health]}, to: {team: maintainers}}
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self, get_args

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from alerts.inhibit import Common, Side
from alerts.pack import Duration, Identifier, PlaceKind, Severity
from alerts.rules import PackError
from devices import lines

SHIPPED_POLICY = Path(__file__).parent / "routing.yaml"
SEVERITIES: tuple[str, ...] = get_args(Severity)
#: Targets without a name; the others are written ``{team: ID}`` and kept as ``team:ID``.
PLAIN_TARGETS = ("unit_contact", "unit_head", "grid_officer", "city")
NAMED_TARGETS = ("team", "person", "channel")
_TARGETS = f"{', '.join(PLAIN_TARGETS)}, {{team: ID}}, {{person: ID}}, {{channel: NAME}}"

_S, _M, _H = 1000, 60_000, 3_600_000
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_SPAN = re.compile(rf"({_CLOCK})-({_CLOCK}|24:00)")
_duration = TypeAdapter(Duration).validate_python


def _target(written: object) -> object:
    if isinstance(written, Mapping) and len(written) == 1:
        ((kind, name),) = written.items()
        if kind in NAMED_TARGETS and isinstance(name, str) and name:
            return f"{kind}:{name}"
    elif isinstance(written, str):
        kind, colon, name = written.partition(":")
        if written in PLAIN_TARGETS or (colon and name and kind in NAMED_TARGETS):
            return written
    raise ValueError(f"allowed: {_TARGETS}")


def _listed(written: object) -> object:
    return written if isinstance(written, list) else [written]


def _delay(written: object) -> object:
    return 0 if written in {"0s", "0m", "0h"} else _duration(written)


def _delays(written: object) -> object:
    if isinstance(written, Mapping):
        if wrong := [str(key) for key in written if key not in SEVERITIES]:
            raise ValueError(f"there is no severity {', '.join(wrong)}; allowed: {', '.join(SEVERITIES)}")
        return {severity: _delay(delay) for severity, delay in written.items()}
    return dict.fromkeys(SEVERITIES, _delay(written))


def _clock(written: object) -> object:
    if isinstance(written, str) and re.fullmatch(_CLOCK, written):
        return written
    raise ValueError('allowed: a time of day in quotes, such as "08:30"')


def _span(written: object) -> object:
    if isinstance(written, str) and (match := _SPAN.fullmatch(written)) and match[1] != match[2]:
        return written
    raise ValueError('allowed: hours in quotes, such as "22:00-07:00"')


def _minutes(span: str) -> Iterator[int]:
    """The minutes of the day that a span covers."""
    begin, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in span.split("-"))
    return (minute % (24 * 60) for minute in range(begin, end if end > begin else end + 24 * 60))


Target = Annotated[str, BeforeValidator(_target)]
Targets = Annotated[list[Target], Field(min_length=1), BeforeValidator(_listed)]
Delays = Annotated[dict[str, int], BeforeValidator(_delays)]
Clock = Annotated[str, BeforeValidator(_clock)]
Span = Annotated[str, BeforeValidator(_span)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CallStep(_Model):
    """One step of an order of call: whom, and how long after the firing by severity; others are not called."""

    to: Targets
    after: Delays = Field(default_factory=lambda: dict.fromkeys(SEVERITIES, 0))


class Match(_Model):
    """Which alerts; an empty list means any (see ``alerts.inhibit.Side``, which it becomes).

    ``rules`` are globs over ``RULE`` or ``PACK/RULE``, ``grid`` beginnings of paths, ``kinds`` kinds of conditions.
    """

    severities: list[Severity] = []
    rules: list[str] = []
    packs: list[Identifier] = []
    place_kinds: list[PlaceKind] = []
    grid: list[str] = []
    units: list[str] = []
    kinds: list[str] = []

    @property
    def side(self) -> Side:
        """What judges alerts by it."""
        return msgspec.convert(self.model_dump(), Side)


class Route(_Model):
    """Another order of call for some alerts: ``to`` at once, or ``steps``."""

    match: Match
    to: Targets | None = None
    steps: list[CallStep] | None = None
    further: bool = Field(default=False, alias="continue")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.to is None) == (self.steps is None):
            raise ValueError("allowed: exactly one of to, steps")
        return self

    @property
    def calls(self) -> list[CallStep]:
        """Its order of call."""
        return self.steps if self.steps is not None else [CallStep(to=self.to or [])]


class Broadcast(_Model):
    """A channel of its own that hears of everything that matches, from firing to closing."""

    channel: str
    match: Match = Match()


class Gathering(_Model):
    """``burst`` messages go out singly, what comes within ``wait`` is one digest, then one every ``interval``."""

    burst: Count = 1
    wait: Duration = 60 * _S
    interval: Duration = 5 * _M


class Group(Gathering):
    """For people. ``repeat``: what was acknowledged and still stands is told again so often; absent = never."""

    repeat: Duration | None = None


class Machines(Gathering):
    """For receivers that are programs (webhooks); ``burst`` counts alerts, not messages."""

    burst: Count = 10


class Flood(_Model):
    """So many alerts to one receiver in ``window`` are a flood: digests only, each listing those told singly too."""

    alerts: Annotated[int, Field(ge=2, le=1000)] = 10
    window: Duration = 10 * _M


class Quiet(_Model):
    """When people are not woken, but for ``except``; with ``calendar`` also whenever that calendar is closed."""

    hours: list[Span] = []
    calendar: str = ""
    exempt: list[Severity] = Field(["critical"], alias="except")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.hours and not self.calendar:
            raise ValueError("allowed: hours, calendar or both")
        if len({minute for span in self.hours for minute in _minutes(span)}) == 24 * 60:
            raise ValueError("the hours leave no time to tell anybody; allowed: less than the whole day")
        return self


class Reminder(_Model):
    """An alert that nobody acknowledged is told again ``every`` so often, at most ``most`` times."""

    every: Duration = 4 * _H
    most: Annotated[int, Field(ge=1, le=100)] = 6


class DailyDigest(_Model):
    """When ``info`` alerts and late findings are told: at a time of day, with ``calendar`` on its working days."""

    at: Clock = "08:30"
    calendar: str = ""


class Inhibit(_Model):
    """While a ``source`` alert stands, ``target`` alerts with the same ``equal`` are muted (``alerts.inhibit``)."""

    source: Match
    target: Match
    equal: Annotated[list[Common], Field(min_length=1)]
    higher: bool = False
    early: bool = False


class Policy(_Model):
    """A routing file. ``broadcast`` absent: every channel that needs no person and is named by no target."""

    id: Identifier = Field(alias="routing")
    version: Annotated[str, Field(min_length=1)]
    steps: list[CallStep]
    routes: list[Route] = []
    broadcast: list[Broadcast] | None = None
    channels: list[str] = []
    fallback_after: Duration = 3 * _M
    group: Group = Group()
    machines: Machines = Machines()
    flood: Flood = Flood()
    quiet_hours: Quiet | None = None
    reminder: Reminder | None = Reminder()
    acknowledge_timeout: Duration | None = 8 * _H
    digest: DailyDigest = DailyDigest()
    inhibit: list[Inhibit] = []

    @property
    def named_channels(self) -> list[str]:
        """Channels that the file names, sorted."""
        found = {*self.channels, *(one.channel for one in self.broadcast or [])}
        return sorted(found | self.targets("channel"))

    def targets(self, kind: str) -> set[str]:
        """The names of the targets of a kind (``team``, ``person``, ``channel``)."""
        steps = [*self.steps, *(step for route in self.routes for step in route.calls)]
        return {to.partition(":")[2] for step in steps for to in step.to if to.startswith(f"{kind}:")}


def parse_policy(text: str, name: str) -> Policy:
    """Read a routing file. ``name`` is its file name, for the messages. Raises PackError with every fault and line."""
    policy, faults = _parsed(text)
    if policy is None:
        raise PackError([f"{name}:{line}: {words}" for line, words in faults])
    return policy


# A start reads the file for its check and again for its use; a policy cannot be changed.
@functools.lru_cache(maxsize=16)
def _parsed(text: str) -> tuple[Policy | None, list[tuple[int, str]]]:
    """The policy, or its faults with their lines."""
    document = lines.Lines(text)
    faults = list(document.faults)
    if document.data is not None:
        try:
            policy = Policy.model_validate(document.data)
        except ValidationError as error:
            faults += _faults(document, error)
        else:
            if not faults:
                return policy, []
    return None, sorted(set(faults))


def _faults(document: lines.Lines, error: ValidationError) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for item in error.errors(include_url=False):
        path = item["loc"]
        where = lines.dotted(path) or "the file"
        if item["type"] == "extra_forbidden":
            found.append((document.of(path), f"{where}: there is no such key; allowed: {_keys(path[:-1])}"))
        elif item["type"] == "missing":
            found.append((document.of(path), f"{where}: it is missing"))
        else:
            words = re.sub(r"^Value error, ", "", item["msg"])
            words = re.sub(r"^(Input|String|List|Dictionary|Value) should (be )?", "allowed: ", words)
            shown = item["input"]
            plain = isinstance(shown, str | int | float | bool)
            found.append((document.of(path), f"{where} = {shown!r}: {words}" if plain else f"{where}: {words}"))
    return found


#: Models by the names on the way to them, for the words about an unknown key.
_MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Policy,
    ("steps",): CallStep,
    ("routes",): Route,
    ("routes", "match"): Match,
    ("routes", "steps"): CallStep,
    ("broadcast",): Broadcast,
    ("broadcast", "match"): Match,
    ("group",): Group,
    ("machines",): Machines,
    ("flood",): Flood,
    ("quiet_hours",): Quiet,
    ("reminder",): Reminder,
    ("digest",): DailyDigest,
    ("inhibit",): Inhibit,
    ("inhibit", "source"): Match,
    ("inhibit", "target"): Match,
}


def _keys(path: tuple[Any, ...]) -> str:
    model = _MODELS.get(tuple(part for part in path if isinstance(part, str)))
    return ", ".join(info.alias or name for name, info in model.model_fields.items()) if model else "none"
