"""Which rules hold for a subject, worked out once for each kind of subject (pure)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from alerts.bounds import INF, Bound
from alerts.compiled import compiled
from alerts.pack import Pack
from alerts.quiet import NEVER, ROUNDING
from alerts.verdicts import asked_of
from devices.observation import QUANTITIES, Subject

#: Kinds that are judged at each N reading of their own channel.
AT_READINGS = frozenset({"limit", "quantity", "change", "stuck", "unit_suspect", "compare", "saturated", "logic"})
#: Kinds of which every reading is looked at, whatever its value.
_ALWAYS = frozenset({"compare", "logic"})

#: What decides which rules hold for a subject, and with which numbers.
Facts = tuple[object, ...]


class InForce(msgspec.Struct, frozen=True, eq=False):
    """The rules that hold for one kind of subject, and what follows for the columns of ``alerts.quiet``.

    ``readings`` are judged at N readings of the subject; ``combinations`` are the device's that look at this parameter
    among others. Values within ``low`` and ``high`` break no limit; ``always`` sends every value the long way.
    """

    bounds: tuple[Bound, ...]
    combinations: tuple[Bound, ...]
    readings: tuple[Bound, ...]
    bad_flags: tuple[Bound, ...]
    absent: tuple[Bound, ...]
    invalid: tuple[Bound, ...]
    low: float
    high: float
    step: float
    span: int
    always: bool

    def of(self, kind: str) -> tuple[Bound, ...]:
        """The rules of one kind."""
        return tuple(bound for bound in self.bounds if bound.kind == kind)


class Rulebook:
    """The rules of all packs in force."""

    def __init__(self, packs: Sequence[Pack]) -> None:
        self.packs = tuple(packs)
        self._known: dict[Facts, InForce] = {}

    def of(self, subject: Subject) -> InForce:
        """The rules that hold for such a subject: few kinds of subjects, so each is worked out once."""
        facts = facts_of(subject)
        found = self._known.get(facts)
        if found is None:
            found = self._known[facts] = self._work_out(subject)
        return found

    def _work_out(self, subject: Subject) -> InForce:
        bounds = tuple(bound for pack in self.packs for bound in compiled(pack, subject))
        combinations: tuple[Bound, ...] = ()
        if subject.parameter:
            device = self.of(device_of(subject))
            combinations = tuple(
                bound for bound in device.bounds if bound.kind == "logic" and subject.parameter in asked_of(bound)
            )
        readings = tuple(bound for bound in bounds if bound.kind in AT_READINGS)
        limits = [bound for bound in bounds if bound.kind in {"limit", "quantity"}]
        stuck = [bound for bound in bounds if bound.kind == "stuck"]
        return InForce(
            bounds=bounds,
            combinations=combinations,
            readings=readings,
            bad_flags=tuple(bound for bound in bounds if bound.kind == "bad_flags"),
            absent=tuple(bound for bound in bounds if bound.kind == "absent"),
            invalid=tuple(bound for bound in bounds if bound.kind == "invalid"),
            low=max((bound.low for bound in limits), default=-INF),
            high=min((bound.high for bound in limits), default=INF),
            step=min((bound.step for bound in stuck), default=0.0) * (1 - ROUNDING),
            span=min((bound.span_ms for bound in stuck), default=NEVER),
            always=bool(combinations) or any(bound.kind in _ALWAYS for bound in bounds),
        )


def facts_of(subject: Subject) -> Facts:
    """What decides which rules hold for a subject."""
    return (
        subject.parameter,
        # Of a custody state, point names the container: as many as there are, and no rule is about one of them.
        "-" if subject.parameter in QUANTITIES else subject.point,
        subject.place_kind,
        subject.profile,
        subject.disinfectant,
        subject.low,
        subject.high,
        subject.device_kind,
        subject.mode,
        subject.report_ms,
    )


def device_of(subject: Subject) -> Subject:
    """The device itself, of which a subject is a channel."""
    return msgspec.structs.replace(
        subject,
        key=f"{subject.device}/-/",
        point="-",
        parameter="",
        parameter_unit="",
        channel=-1,
        low=None,
        high=None,
        mode="",
    )
