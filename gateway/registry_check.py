"""Are changes of the registry sound, each by itself and with what is registered? The rules of registry files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path as FilePath
from typing import Any

from alerts.rules import PackError, known_packs, load_packs
from devices.files.check import Checked, check
from devices.files.faults import Path, Spot
from devices.files.raw import Raw, RawEntry, dotted
from devices.registry import Change, Registry, periods_of


def check_changes(changes: list[Change], current: Registry, zone: str, profiles: frozenset[str]) -> Checked:
    """Judge ``changes`` as an import would; where entries go, also that nothing that stays refers to them.

    ``profiles`` are the limit profiles that a place may name.
    """
    entries = [entry for one in changes if one.body is not None for entry in _entries(one.kind, one.id, one.body)]
    gone = {(one.kind, one.id) for one in changes if one.body is None}
    if not gone:
        return check(Raw(entries), current, zone, profiles)
    kept = Registry()
    kept.load((row for row in current.rows() if row[:2] not in gone), current.version)
    changed = {(one.kind, one.id) for one in changes}
    staying = (row[:2] for row in kept.rows() if row[:2] not in changed)
    others = [entry for kind, name in staying for entry in _entries(kind, name, kept.body(kind, name) or {})]
    for entry in others:
        # What stays was judged when it came: only its references can break.
        entry.raw.pop("profile", None)
    checked = check(Raw(entries + others), kept, zone, profiles)
    for kind, name in list(checked.document.entries.items()):
        checked.document.entries[kind] = {one: body for one, body in name.items() if (kind, one) in changed}
    return checked


def known_profiles(folder: FilePath | None = None) -> frozenset[str]:
    """The limit profiles of the sound packs in ``folder`` and of those that are shipped.

    A place with another profile would be judged by no limit.
    """
    return _shipped_profiles() if folder is None or not folder.is_dir() else frozenset(_profiles(folder))


@lru_cache(maxsize=1)
def _shipped_profiles() -> frozenset[str]:
    return frozenset(_profiles(None))


def _profiles(folder: FilePath | None) -> Iterator[str]:
    for name in known_packs(folder):
        with suppress(PackError):
            (pack,) = load_packs([name], folder)
            yield from pack.profiles


def _entries(kind: str, name: str, body: dict[str, Any]) -> Iterable[RawEntry]:
    for period in periods_of(body):
        yield RawEntry(kind, {"id": name, **period}, _spot(kind, name))


def _spot(kind: str, name: str) -> Callable[[Path], Spot]:
    def spot(path: Path) -> Spot:
        return Spot(kind, 0, f"{name}.{dotted(path)}" if path else name)

    return spot
