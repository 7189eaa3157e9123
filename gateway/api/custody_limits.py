"""How long waste may stay in a store: the rules in force on ``custody.stored``, as pages show ages against them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alerts.rules import PackError, parse_pack

_QUANTITY = "custody.stored"
#: Levels that pages colour, from nothing to the worst; a rule's severity is one of them.
LEVELS = ("ok", "info", "warning", "major", "critical")


class Limit(msgspec.Struct, frozen=True):
    """A container in a store for longer than ``after_ms`` raises an alert of ``severity``."""

    after_ms: int
    severity: str
    title: dict[str, str]
    source: str
    verified: bool
    place_kinds: tuple[str, ...]
    profiles: tuple[str, ...]


class StorageLimits:
    """Of packs in force, by place kind and producer profile."""

    def __init__(self, packs: Mapping[str, str]) -> None:
        found = [one for name, text in packs.items() for one in _limits(name, text)]
        self._limits = sorted(found, key=lambda one: one.after_ms)

    def of(self, place_kind: str, producer: str) -> list[Limit]:
        """What holds in a place of that kind for waste of that producer profile, the shortest first."""
        return [
            one
            for one in self._limits
            if (not one.place_kinds or place_kind in one.place_kinds) and (not one.profiles or producer in one.profiles)
        ]


class StorageLimitsCache:
    """The limits of the newest packs; call it from a thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[str, str] | None = None
        self._found = StorageLimits({})

    def get(self, texts: Mapping[str, str]) -> StorageLimits:
        """The limits of ``texts``."""
        with self._lock:
            if self._texts != texts:
                self._found = StorageLimits(texts)
                self._texts = dict(texts)
            return self._found


def level(age_ms: int, limits: Sequence[Limit]) -> str:
    """The worst severity that an age has reached; ``ok`` where it has reached none."""
    passed = [one.severity for one in limits if age_ms >= one.after_ms]
    return max(passed, key=LEVELS.index, default="ok")


def shown(limits: Sequence[Limit]) -> list[dict[str, Any]]:
    """As the pages get them."""
    return [
        {name: getattr(one, name) for name in ("after_ms", "severity", "title", "source", "verified")} for one in limits
    ]


def _limits(name: str, text: str) -> list[Limit]:
    try:
        pack = parse_pack(text, name)
    except PackError:
        # It was in force when it was read first; this version of Hygeia does not read it, so decide does not use it.
        return []
    return [
        Limit(
            after_ms=rule.hold,
            severity=rule.severity,
            title=dict(rule.title),
            source=rule.source,
            verified=rule.verified,
            place_kinds=tuple(rule.when.place_kinds),
            profiles=tuple(rule.when.profiles),
        )
        for rule in pack.rules
        if rule.quantity == _QUANTITY and rule.enabled and rule.hold > 0
    ]
