"""What waits to be told, as delivery reads it, and its memory of its tries (tables ``outbox`` and ``attempts``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from alerts.notify import Context, Notice, Recipient, Words
from gateway.state import attempts, outbox, people_private
from gateway.state import registry as registry_table

#: (offset, n) of a row of the outbox.
Place = tuple[int, int]
BEGINNING: Place = (-1, -1)


class Waiting(NamedTuple):
    """A row of the outbox that is not settled. ``next_at`` is ms since 1970 UTC, 0 = at once.

    ``person`` is whose address it goes to, empty where it goes to the channel's own; ``max_age_s`` how long it is
    tried, 0 = as long as every other.
    """

    place: Place
    channel: str
    notice: Notice
    tries: int
    next_at: int
    person: str = ""
    max_age_s: int = 0

    @property
    def line(self) -> str:
        """What stays in order: of one alert what one receiver is told."""
        return f"{self.person}/{self.notice.subject}"


class _Name(msgspec.Struct):
    zh: str = ""
    en: str = ""


class _Private(msgspec.Struct):
    """What is kept of a person apart from journal and registry (``devices.registry.split_private``)."""

    name: _Name | str | None = None
    phone: str | None = None
    email: str | None = None


class _Public(msgspec.Struct):
    language: str | None = None


class Attempt(NamedTuple):
    """What is kept of the tries of one row; ``done`` = settled in the journal, decide will say so in the outbox."""

    tries: int
    next_at: int
    last_error: str
    done: bool


class Outbox:
    """Blocking; call it from a thread. Only delivery writes ``attempts``, one call at a time."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def waiting(
        self, channel: str | None, others: frozenset[str], after: Place, limit: int
    ) -> tuple[list[Waiting], int]:
        """Rows of ``channel`` beyond ``after``, at most ``limit`` in order, and how many more there are beyond them.

        ``channel`` None means every channel that is not among ``others``. Rows are added in the order of their place,
        so what comes after the last one seen is all that is new.
        """
        row, tried = outbox.c, attempts.c
        where = sa.and_(
            row.state_now == "waiting",
            row.channel == channel if channel is not None else row.channel.not_in(sorted(others)),
            sa.or_(row.offset > after[0], sa.and_(row.offset == after[0], row.n > after[1])),
            sa.or_(tried.done.is_(None), tried.done.is_(sa.false())),
        )
        both = outbox.outerjoin(attempts, sa.and_(row.offset == tried.offset, row.n == tried.n))
        query = (
            sa.select(outbox, tried.tries, tried.next_at)
            .select_from(both)
            .where(where)
            .order_by(row.offset, row.n)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            found = [_waiting(one) for one in connection.execute(query).mappings()]
            more = 0
            if len(found) == limit:
                count = connection.execute(sa.select(sa.func.count()).select_from(both).where(where)).scalar_one()
                more = int(count) - limit
        return found, more

    def addressed(self, row: Waiting, language: str) -> tuple[Recipient | None, bytes]:
        """Whom a row goes to, and its context with the names and numbers of those who may be called."""
        to = self.recipient(row.person, language) if row.person else None
        context = msgspec.json.decode(row.notice.context, type=Context)
        wanted = {told.call.zh for told in context.told if told.call.zh}
        if not wanted:
            return to, row.notice.context
        people = {person: self._called(person) for person in wanted}
        told = [msgspec.structs.replace(one, call=people.get(one.call.zh, one.call)) for one in context.told]
        return to, msgspec.json.encode(msgspec.structs.replace(context, told=told))

    def _called(self, person: str) -> Words:
        """A person's name and number in both languages; empty where neither is known."""
        private = self._private(person)
        parts = [(_shown(private.name, language), private.phone or "") for language in ("zh", "en")]
        return Words(*(" ".join(part for part in both if part) for both in parts))

    def _private(self, person: str) -> _Private:
        query = sa.select(people_private.c.body).where(people_private.c.id == person)
        with self._engine.connect() as connection:
            kept = connection.execute(query).scalar()
        return msgspec.json.decode(kept, type=_Private) if kept else _Private()

    def recipient(self, person: str, language: str) -> Recipient:
        """A person with the name and the addresses of now; ``language`` is taken where the registry says none."""
        entry = registry_table.c
        public_query = (
            sa.select(entry.body)
            .where(entry.kind == "people", entry.id == person)
            .order_by(entry.offset.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            public = connection.execute(public_query).scalar()
        private = self._private(person)
        spoken = (msgspec.json.decode(public, type=_Public).language if public else None) or language
        return Recipient(person, _shown(private.name, spoken), private.phone or "", private.email or "", spoken)

    def note(self, notes: Mapping[Place, Attempt]) -> None:
        """Keep what is known of the tries of some rows, in one transaction."""
        with self._engine.begin() as connection:
            for (offset, n), attempt in notes.items():
                values = attempt._asdict()
                changed = connection.execute(
                    attempts.update().where(attempts.c.offset == offset, attempts.c.n == n).values(values)
                )
                if not changed.rowcount:
                    connection.execute(attempts.insert().values(offset=offset, n=n, **values))


def _waiting(row: sa.RowMapping) -> Waiting:
    notice = Notice(row["event"], row["key"], row["created_at"], row["body"].encode(), row["context"].encode())
    return Waiting(
        (row["offset"], row["n"]),
        row["channel"],
        notice,
        row["tries"] or 0,
        row["next_at"] or 0,
        row["person"],
        row["max_age_s"],
    )


def _shown(name: _Name | str | None, language: str) -> str:
    if isinstance(name, _Name):
        return (name.en or name.zh) if language == "en" else (name.zh or name.en)
    return name or ""
