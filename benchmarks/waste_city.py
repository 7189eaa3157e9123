"""A simulated city's waste through the real decide and state, without broker and journal files (used by tests as well).

Records are made in memory as the journal would have them: START with packs and profiles, the registry, the messages
of the terminals at the time at which they arrive, and a tick where nobody said anything for a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alerts.rules import pack_text
from custody.profiles import shipped
from devices.simulate.city import City
from devices.simulate.city_registry import registry_of
from devices.simulate.waste import FIRST, Pace, Sent, Waste
from gateway import state
from gateway.database import open_state, upgrade
from gateway.decide import snapshot
from gateway.decide.commit import commit, read_cursor
from gateway.decide.fold import Fold
from gateway.decide.history import load_registry
from gateway.decide.lookup import StateLookup
from gateway.decide.outputs import Outputs
from gateway.journal.disk import Disk
from gateway.journal.record import Kind, Record, json_body, message_body, origin

ROOT = "hygeia/v1"
PACK = "medical-waste-cn"
#: Ticks are written so often where nothing else is; decide takes a longer silence for a gateway that stood still.
TICK_MS = 110_000
_KEY = bytes(range(32))
_WHERE = origin("mqtt", "listener", "peer", "principal")


class Offline:
    """Decides records in batches and commits them; ``engine`` is the state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.engine = open_state(folder / "state.sqlite3")
        upgrade(self.engine)
        self.fold = Fold(_KEY, ROOT)
        self.decided = 0
        self._lookup = StateLookup(self.engine)

    def decide(self, records: Iterable[Record], batch: int = 500) -> None:
        """Decide all; raises RuntimeError where decide names a fault of its own."""
        out = Outputs()
        for record in records:
            self.fold.step(record, self._lookup, out)
            self.decided += 1
            if self.decided % batch == 0:
                out = self._commit(out)
        self._commit(out)

    def save(self) -> None:
        """Keep the fold beside the state."""
        snapshot.save(self._folder, self.fold, self.decided - 1, Disk())

    def resume(self, records: Iterable[Record]) -> Iterator[Record]:
        """Go on in a folder where ``save`` was; gives those of all ``records`` that are still to be decided.

        What was decided after the last ``save`` is folded again and not written, as after a restart.
        """
        cursor = read_cursor(self.engine)
        parts = snapshot.newest(self._folder, cursor)
        begin = -1 if parts is None else parts.offset
        load_registry(self.fold.registry, self.engine, begin)
        if parts is not None:
            snapshot.restore(self.fold, parts)
        self.decided = cursor + 1
        scrap = Outputs()
        for record in records:
            if record.offset > cursor:
                yield record
            elif record.offset > begin:
                self.fold.step(record, self._lookup, scrap)
                self.fold.messages.committed()
                scrap.clear()

    def _commit(self, out: Outputs) -> Outputs:
        if out.faults:
            raise RuntimeError(f"decide: {', '.join(sorted(set(out.faults)))}")
        commit(self.engine, out, self.decided - 1, self.fold.counters)
        self.fold.messages.committed()
        return Outputs()

    def alerts(self) -> set[tuple[str, str]]:
        """(quantity, object) of every alert that ever fired; objects as ``custody.container.Condition`` names them."""
        with self.engine.connect() as connection:
            rows = connection.execute(sa.select(state.alerts.c.parameter, state.alerts.c.point)).all()
        return {(quantity, point if ":" in point else f"container:{point}") for quantity, point in rows}

    def close(self) -> None:
        """Release the state."""
        self.engine.dispose()


def records(waste: Waste, city: City, pace: Pace, rounds: int, until: int | None = None) -> Iterator[Record]:
    """All records of so many rounds, with ticks up to ``until`` (ms)."""
    offset = 0
    now = pace.at(0, FIRST) - 60_000
    packs, document = {PACK: pack_text(PACK)}, registry_of(city, waste.work, waste.closures, rounds=False)
    changes = [{"kind": kind, "id": one["id"], "body": one} for kind, found in document.items() for one in found]
    beginning: list[tuple[int, dict[str, Any]]] = [
        (Kind.START, {"version": "1", "channels": ["webhook"], "packs": packs, "profiles": shipped()}),
        (Kind.REGISTRY, {"changes": changes, "by": "city"}),
        (Kind.CAUGHT_UP, {}),
    ]
    for kind, body in beginning:
        yield Record(offset, now, kind, json_body({"type": "city", **body}))
        offset += 1
    for one in waste.sent(rounds):
        for tick in range(now + TICK_MS, one.at, TICK_MS):
            yield _tick(offset, tick)
            offset += 1
        now = max(now, one.at)
        yield Record(offset, now, Kind.MESSAGE, body_of(one))
        offset += 1
    for tick in range(now + TICK_MS, until or now, TICK_MS):
        yield _tick(offset, tick)
        offset += 1


def body_of(one: Sent) -> bytes:
    """The MESSAGE record of one message."""
    return message_body(1, 1, _WHERE, f"{ROOT}/sim/{one.terminal}/up/event".encode(), b"", one.payload)


def _tick(offset: int, at: int) -> Record:
    return Record(offset, at, Kind.TICK, json_body({"type": "tick"}))
