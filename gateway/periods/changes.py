"""Which windows a change of the registry or of a maintenance session reaches back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from devices.registry import Registry, periods_of
from gateway import state
from gateway.periods.book import kinds_of

#: Kinds of entries that say what is due of a device, or which limits it has.
_ENTRIES = ("devices", "places")


def since_of(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> int | None:
    """From when on (ms) two bodies of an entry differ by their dates; None: no date says so, it changes from now on."""
    before, after = (_dated(body) for body in (old, new))
    times = {at for period in before ^ after for at in period[:2] if at is not None}
    return min(times, default=None)


def _dated(body: Mapping[str, Any] | None) -> set[tuple[int | None, int | None, str]]:
    """(from, to, all that it says) of each period of a body and of each limit in it."""
    found = set()
    for period in periods_of(None if body is None else dict(body)):
        said = {key: value for key, value in period.items() if key not in {"from", "to", "limits"}}
        found.add((period.get("from"), period.get("to"), repr(sorted(said.items()))))
        for limit in period.get("limits", ()):
            found.add((limit.get("from"), limit.get("to"), repr(sorted(limit.items()))))
    return found


def reached(old: Registry, new: Registry, changed: Mapping[str, set[str]]) -> Iterator[tuple[str, str, int]]:
    """(kind, device, since) of the devices that changes of ``changed`` (ids by kind of entry) reach back for."""
    if not changed:
        return
    places = {}
    for name in changed.get("places", ()):
        since = since_of(old.body("places", name), new.body("places", name))
        if since is not None:
            places[name] = since
    for device in new.ids("devices"):
        body = new.body("devices", device)
        kinds = kinds_of(new, device)
        if not kinds:
            continue
        times = [places[name] for name in _above(new, body) if name in places] if places else []
        if device in changed.get("devices", ()):
            own = since_of(old.body("devices", device), body)
            times += [] if own is None else [own]
        if times:
            for kind in sorted(kinds):
                yield kind, device, min(times)


def removed(old: Registry, new: Registry, changed: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The devices that ``changed`` took out of the registry, by their kinds."""
    found: dict[str, set[str]] = {}
    for device in changed.get("devices", ()):
        if not new.knows("devices", device):
            for kind in kinds_of(old, device):
                found.setdefault(kind, set()).add(device)
    return found


def _above(registry: Registry, device: dict[str, Any] | None) -> set[str]:
    """The places of a device and all above them, of any time."""
    seen: set[str] = set()
    waiting = [period.get("place") for period in periods_of(device)]
    while waiting:
        name = waiting.pop()
        if name and name not in seen:
            seen.add(name)
            waiting += [period.get("parent") for period in periods_of(registry.body("places", name))]
    return seen


class Reach(NamedTuple):
    """A time in which the readings of a device have to be looked at again."""

    device: str
    start: int
    end: int


class Sessions:
    """Compares the maintenance sessions as they were looked at last with what the state says now."""

    def __init__(self) -> None:
        #: Those that were open: (device, offset) and when they were to end.
        self._open: dict[tuple[str, int], int] = {}

    def look(self, connection: sa.Connection, mark: int | None) -> tuple[list[Reach], int]:
        """What began, ended or was prolonged since session ``mark`` (an offset; None: no matter), and the new mark."""
        table = state.sessions
        highest = connection.scalar(sa.select(sa.func.max(table.c.offset)))
        newest = -1 if highest is None else int(highest)
        after = newest if mark is None else mark
        asked = [table.c.offset > after, table.c.closed_at.is_(None)]
        if self._open:
            asked.append(sa.tuple_(table.c.device, table.c.offset).in_(list(self._open)))
        found = []
        for row in connection.execute(sa.select(table).where(sa.or_(*asked))).all():
            end = int(row.until if row.closed_at is None else row.closed_at)
            before = self._open.pop((row.device, row.offset), None)
            if row.offset > after:
                found.append(Reach(row.device, int(row.opened_at), end))
            elif before is not None and before != end:
                found.append(Reach(row.device, min(before, end), max(before, end)))
            if row.closed_at is None:
                self._open[row.device, row.offset] = end
        return found, max(after, newest)


def newest_change(connection: sa.Connection) -> int:
    """The offset that changed the registry last, -1 = none."""
    newest = connection.scalar(sa.select(sa.func.max(state.registry.c.offset)))
    return -1 if newest is None else int(newest)


def changed_entries(connection: sa.Connection, after: int, upto: int) -> dict[str, set[str]]:
    """The ids of devices and places that changed with ``after`` < offset <= ``upto``, by kind."""
    table = state.registry
    query = sa.select(table.c.kind, table.c.id).where(
        table.c.offset > after, table.c.offset <= upto, table.c.kind.in_(_ENTRIES)
    )
    found: dict[str, set[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.kind, set()).add(row.id)
    return found
