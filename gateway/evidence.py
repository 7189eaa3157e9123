"""Gathers the evidence of a container, an alert or a day from the state and seals it (DESIGN 4.7)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody import fold
from custody.container import Container
from custody.epcis import document
from custody.evidence.bundle import Claim, entry_members, proof_member, raw_members, seal
from custody.evidence.filing import filing
from custody.evidence.report import Case, page
from custody.ledger.note import key_of, parse_note
from custody.profile import Profile
from custody.resolve import tied
from devices.registry import Registry
from gateway import state
from gateway.errors import HygeiaError
from gateway.evidence_beside import Surroundings
from gateway.histories import StateFacts
from gateway.ledger_rows import Head, LedgerRows

#: Entries that one bundle holds; a day with more is asked for container by container.
MOST_ENTRIES = 20_000
Entries = Mapping[int, dict[str, Any]]


class NoEvidenceError(HygeiaError):
    """There is no such container, alert or day, or no signed head yet; the message says which.

    ``status`` is the HTTP status that says the same.
    """

    def __init__(self, reason: str, status: int = 404) -> None:
        super().__init__(reason)
        self.status = status


class Sources(msgspec.Struct, frozen=True):
    """What evidence is made of. ``base`` is the URI under which EPCIS names things, ``version`` that of Hygeia.

    ``key`` reads the ledger's key, where something is to be sealed. ``cover`` has the notary sign what is committed and
    waits for it.
    """

    engine: sa.Engine
    registry: Registry
    profiles: Mapping[str, Profile]
    zone: ZoneInfo
    key: Callable[[], Ed25519PrivateKey]
    base: str
    version: str
    cover: Callable[[], object] = bool


class _Gathered(msgspec.Struct):
    """Numbers of the entries that belong to a subject, and what is said of them as a whole.

    ``between`` are begin and end of a day (ms), of which only what happened in it counts.
    """

    subject: str
    indices: set[int] = set()
    chains: dict[str, int] = {}
    span: tuple[int, int] | None = None
    containers: list[Container] = []
    alerts: list[str] = []
    between: tuple[int, int] | None = None


class Evidence:
    """Makes bundles as of ``now`` (ms). Each is read in one transaction, so that all its parts agree."""

    def __init__(self, sources: Sources) -> None:
        self._of = sources

    def container(self, text: str, now: int, sees: Callable[[Container], bool], *, whole: bool = True) -> bytes:
        """The bundle of the container that has the id ``text``. Raises NoEvidenceError, also for what is not seen.

        Without ``whole`` lists that name the containers of others are left out.
        """
        with self._of.engine.connect() as connection:
            rows = LedgerRows(connection)
            found = fold.container(self._facts(connection), text, self._of.profiles)
            if found is None or not sees(found):
                raise NoEvidenceError(f"there is nothing of container:{text[:100]}")
            ids = [one.v for one in found.ids]
            gathered = _Gathered(f"container:{text if text in ids else ids[0]}", containers=[found])
            gathered.indices = {one.fact.entry for one in found.history if one.fact.entry >= 0}
            points = [*ids, *(f"event:{one.fact.terminal}:{one.fact.id}" for one in found.history)]
            gathered.alerts = _alerts_about(connection, points)
            entities = [*(f"container:{one}" for one in ids), *(f"alert:{one}" for one in gathered.alerts)]
            for entity in entities:
                _chain(rows, gathered, entity)
            for entity in entities[: len(ids)] if whole else ():
                newest = max(rows.chain(entity), default=-1)
                listed = rows.naming("ledger", "heads", f"[{json.dumps(entity, ensure_ascii=False)},", newest)
                gathered.indices.update(listed[:1])
            return self._sealed(connection, rows, gathered, now)

    def alert(self, name: str, now: int, seen: sa.ColumnElement[bool]) -> bytes:
        """The bundle of the alert ``name`` where ``seen`` holds for its row. Raises NoEvidenceError."""
        with self._of.engine.connect() as connection:
            rows, table = LedgerRows(connection), state.alerts
            known = connection.execute(sa.select(table.c.id).where(table.c.id == name, seen)).first()
            if known is None:
                raise NoEvidenceError(f"there is nothing of alert:{name[:100]}")
            gathered = _Gathered(f"alert:{name}", alerts=[name])
            _chain(rows, gathered, f"alert:{name}")
            steps = state.transitions
            moved = connection.execute(sa.select(steps.c.offset).where(steps.c.alert == name).distinct()).scalars()
            # The events that moved it: their entries came with the same records.
            gathered.indices.update(rows.at_offsets(list(moved), "custody"))
            return self._sealed(connection, rows, gathered, now)

    def day(self, day: dt.date, now: int) -> bytes:
        """The bundle of a local day: every entry that it brought. Raises NoEvidenceError."""
        begin, end = (self._midnight(one) for one in (day, day + dt.timedelta(days=1)))
        with self._of.engine.connect() as connection:
            rows = LedgerRows(connection)
            span = rows.span(begin, end)
            if span is None:
                raise NoEvidenceError(f"the ledger has no entry of {day.isoformat()}")
            if span[1] - span[0] >= MOST_ENTRIES:
                many = span[1] - span[0] + 1
                raise NoEvidenceError(
                    f"{day.isoformat()} has {many} entries; allowed: {MOST_ENTRIES}; ask for its containers one by one",
                    422,
                )
            gathered = _Gathered(f"day:{day.isoformat()}", set(range(span[0], span[1] + 1)), span=span)
            gathered.between = (begin, end)
            gathered.indices.update(rows.naming("ledger", "heads", f'"day":"{day.isoformat()}"', span[1]))
            texts = {
                name
                for raw in rows.entries(gathered.indices).values()
                if b'"kind":"custody"' in raw
                for name in json.loads(raw)["body"]["ids"]
            }
            facts = self._facts(connection)
            known: dict[str, Container] = {}
            for text in sorted(texts):
                if text not in known:
                    found = fold.container(facts, text, self._of.profiles)
                    known |= {one.v: found for one in found.ids} if found is not None else {}
            gathered.containers = list({one.id: one for one in known.values()}.values())
            return self._sealed(connection, rows, gathered, now)

    def _facts(self, connection: sa.Connection) -> StateFacts:
        return StateFacts(connection, lambda text: tied(self._of.registry, text))

    def _midnight(self, day: dt.date) -> int:
        return int(dt.datetime.combine(day, dt.time(), self._of.zone).timestamp() * 1000)

    def _sealed(self, connection: sa.Connection, rows: LedgerRows, gathered: _Gathered, now: int) -> bytes:
        # What was read so far stays as it is; the head is signed and read after it, so that it covers all of it.
        self._of.cover()
        with self._of.engine.connect() as later:
            signed = LedgerRows(later)
            head = signed.head()
            if head is None:
                raise NoEvidenceError(
                    "no head of the ledger is signed yet; the gateway signs one a minute: try again", 503
                )
            return self._made(connection, rows, gathered, now, head, signed)

    def _made(  # noqa: PLR0917 - what was read before and after the head was signed
        self, connection: sa.Connection, rows: LedgerRows, gathered: _Gathered, now: int, head: Head, signed: LedgerRows
    ) -> bytes:
        around = Surroundings(connection, rows, self._of.registry, self._of.zone)
        raws = rows.entries(gathered.indices)
        gathered.indices |= around.counted(_parsed(raws).values())
        raws = rows.entries(gathered.indices)
        entries = _parsed(raws)
        members = entry_members(raws) | {"checkpoint": head.note.encode()}
        for index in sorted(raws):
            if index < head.size:
                members |= proof_member(index, signed.proof(index, head.size), head.note.encode())
        cited = {entry["body"]["raw"] for entry in entries.values() if entry["body"].get("raw")}
        members |= raw_members(rows.copies(cited))
        members["epcis.jsonld"] = self._epcis(gathered, now)
        members["report.html"] = page(self._case(around, gathered, entries, head, now))
        claim = Claim(gathered.subject, now, head.origin, self._of.version, gathered.chains, gathered.span)
        key = self._of.key()
        return seal(members, claim, str(key_of(head.origin, key)), key.sign)

    def _epcis(self, gathered: _Gathered, now: int) -> bytes:
        since, until = gathered.between or (None, None)
        view = document(gathered.containers, base=self._of.base, zone=self._of.zone, at=now, since=since, until=until)
        return json.dumps(view, ensure_ascii=False, indent=1).encode() + b"\n"

    def _case(self, around: Surroundings, gathered: _Gathered, entries: Entries, head: Head, now: int) -> Case:
        steps, note = around.steps(gathered.containers, entries), parse_note(head.note.encode())
        alerts = gathered.alerts or sorted({one["body"]["alert"] for one in entries.values() if one["kind"] == "alert"})
        notices = around.notices(alerts)
        single = gathered.containers[0] if gathered.subject.startswith("container:") else None
        beside = around.beside(
            entries,
            notices=notices,
            alerts=alerts,
            uncovered=sum(index >= head.size for index in entries),
            witnesses=[one.name for one in note.signatures if one.name != head.origin],
            chain=single is not None,
        )
        filed, missing = filing(single, steps, beside)
        ordered = sorted(entries.items())
        return Case(
            subject=gathered.subject,
            made_at=now,
            zone=self._of.zone,
            origin=head.origin,
            head=(head.size, note.text.split("\n")[2]),
            container=single,
            steps=steps,
            alerts=[(index, one["at"], one["body"]) for index, one in ordered if one["kind"] == "alert"],
            others=[
                (index, one["at"], one["kind"], one["body"])
                for index, one in ordered
                if one["kind"] not in {"custody", "alert"}
            ],
            notices=notices,
            filed=filed,
            missing=missing,
        )


def _parsed(raws: Mapping[int, bytes]) -> dict[int, dict[str, Any]]:
    return {index: json.loads(raw) for index, raw in raws.items()}


def _chain(rows: LedgerRows, gathered: _Gathered, entity: str) -> None:
    """Take every entry of an entity; an entity that has none is not promised."""
    chain = rows.chain(entity)
    if chain:
        gathered.indices.update(chain)
        gathered.chains[entity] = len(chain) - 1


def _alerts_about(connection: sa.Connection, points: Iterable[str]) -> list[str]:
    """The alerts of a container: they name one of its ids, or an event of it, as their point."""
    wanted: Sequence[str] = sorted(set(points))
    each = sa.func.json_each(msgspec.json.encode(wanted).decode()).table_valued("value")
    table = state.alerts
    query = (
        sa.select(table.c.id)
        .where(table.c.point.in_(sa.select(each.c.value)), table.c.parameter.startswith("custody."))
        .order_by(table.c.offset, table.c.id)
    )
    return list(connection.execute(query).scalars())
