"""Histories of containers as people, exports and evidence read them: the pure fold over the facts of the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import msgspec
import sqlalchemy as sa

from custody import fold
from custody.container import Container
from custody.fact import Fact
from custody.manifest import Manifest, manifest
from custody.profile import Profile
from custody.resolve import tied
from devices.registry import Registry

_decode = msgspec.msgpack.Decoder(Fact).decode

_FACTS = (
    'SELECT e.fact FROM custody_links l JOIN custody_events e ON e."offset" = l."offset"'
    " WHERE l.entity = ? AND l.ts >= ? AND l.ts <= ? AND e.received_at <= ?"
)
_NAMED = "SELECT fact FROM custody_events WHERE event_id = ? AND received_at <= ?"
_EVER = (-(2**62), 2**62)


class StateFacts:
    """``custody.known.Known`` over one open connection, as of the receive time ``as_known_at`` (ms; None = now)."""

    def __init__(
        self, connection: sa.Connection, tied: Callable[[str], Sequence[str]], as_known_at: int | None = None
    ) -> None:
        self._connection = connection
        self._tied = tied
        self._until = _EVER[1] if as_known_at is None else as_known_at
        self._asked: dict[tuple[str, int, int], list[Fact]] = {}

    def facts(self, entity: str, since: int | None = None, until: int | None = None) -> Sequence[Fact]:
        """See ``Known.facts``."""
        key = (entity, _EVER[0] if since is None else since, _EVER[1] if until is None else until)
        found = self._asked.get(key)
        if found is None:
            rows = self._connection.exec_driver_sql(_FACTS, (*key, self._until))
            found = self._asked[key] = [_decode(raw) for (raw,) in rows if raw]
        return found

    def event(self, event_id: str) -> Sequence[Fact]:
        """See ``Known.event``."""
        rows = self._connection.exec_driver_sql(_NAMED, (event_id, self._until))
        return [_decode(raw) for (raw,) in rows if raw]

    def same(self, text: str) -> Sequence[str]:
        """See ``Known.same``."""
        return self._tied(text)


class Histories:
    """Reads what decide committed. ``tied`` gives the other ids that the registry ties to one."""

    def __init__(
        self, engine: sa.Engine, tied: Callable[[str], Sequence[str]], profiles: Mapping[str, Profile]
    ) -> None:
        self._engine = engine
        self._tied = tied
        self.profiles = profiles

    @contextmanager
    def known(self, as_known_at: int | None = None) -> Iterator[StateFacts]:
        """The facts, for several questions about one moment."""
        with self._engine.connect() as connection:
            yield StateFacts(connection, self._tied, as_known_at)

    def container(self, text: str, as_known_at: int | None = None) -> Container | None:
        """The container that has the id ``text``, with its whole history; None where no event names it."""
        with self.known(as_known_at) as known:
            return fold.container(known, text, self.profiles)

    def containers(self, texts: Iterable[str], as_known_at: int | None = None) -> list[Container]:
        """The containers of these ids, each once, in the order of the first id of each."""
        with self.known(as_known_at) as known:
            return fold.containers(known, texts, self.profiles)

    def manifest(self, name: str, as_known_at: int | None = None) -> Manifest | None:
        """The manifest with this number; None where no event names it."""
        with self.known(as_known_at) as known:
            return manifest(known, name, self.profiles)


def histories_of(engine: sa.Engine, registry: Registry, profiles: Mapping[str, Profile]) -> Histories:
    """Histories as of this version of the registry."""
    return Histories(engine, partial(tied, registry), profiles)
