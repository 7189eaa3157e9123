"""Commands of operators: checked here, carried out by decide. Every command is a journal record first (DESIGN 1)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from alerts.arguments import MOST_ID
from devices.files import changes_of
from devices.registry import KINDS, Change, Registry
from gateway import credentials, state
from gateway.api.services import Answer
from gateway.broker.configure import gateway_of
from gateway.broker.rights import SOURCE, reserved
from gateway.config import Settings
from gateway.database import writing
from gateway.decide.decider import Decider
from gateway.decide.operations import ISSUE, OPERATIONS, REVOKE, refusals
from gateway.journal.record import Kind, json_body
from gateway.journal.writer import Journal
from gateway.registry_check import check_changes, known_profiles

_Record = tuple[Kind, dict[str, Any]]
#: Changes erasable tables in the transaction that it is given, and says which records tell of it; or the answer where
#: none does.
_Change = Callable[[sa.Connection], "list[_Record] | Answer"]
_Made = _Record | _Change | Answer
_FileName = Annotated[str, msgspec.Meta(max_length=1024)]


class _Private(msgspec.Struct, frozen=True):
    """What only people see of a person: one row of ``people_private``."""

    id: Annotated[str, msgspec.Meta(max_length=MOST_ID)]
    body: dict[str, Any]


class Commands:
    """Takes commands from CLI and HTTP. ``run`` blocks: call it from a thread."""

    def __init__(
        self,
        engine: sa.Engine,
        journal: Journal,
        decider: Decider,
        settings: Settings,
        wait: Callable[[], None] | None = None,
    ) -> None:
        self._wait = wait
        self._settings = settings
        self._engine = engine
        self._journal = journal
        self._decider = decider
        self._kinds: dict[str, Callable[[dict[str, Any]], _Made]] = {
            "registry.apply": self._registry,
            "journal.redrive": self._redrive,
        }
        # What decide itself judges, with all that it knows: alerts, maintenance sessions, a test of a channel.
        self._kinds |= {name: partial(self._operation, name) for name in OPERATIONS}
        self._kinds |= {ISSUE: self._issue, REVOKE: self._revoke}

    def run(self, name: str, args: dict[str, Any], by: str, timeout: float = 5.0) -> Answer:
        """Check, append, wait until decide has answered or ``timeout`` seconds are over."""
        make = self._kinds.get(name)
        if make is None:
            return Answer(422, {"reason": f"command {name!r}: allowed are {', '.join(sorted(self._kinds))}"}, None)
        offset = self._write(make(args), by)
        if isinstance(offset, Answer):
            return offset
        if self._decider.failed is not None:
            return Answer(409, {"reason": "the gateway has stopped deciding; see its log"}, offset)
        if self._wait is None:
            self._decider.wait(offset, timeout)
        else:
            self._wait()
        return self.answer(offset)

    def _write(self, made: _Made, by: str) -> int | Answer:
        """Append; rows of erasable tables hold if their records are durable, and not at all where they cannot be."""
        if isinstance(made, Answer):
            return made
        if isinstance(made, tuple):
            return self._append(made, by)
        with writing(self._engine) as connection:
            records = made(connection)
            if isinstance(records, Answer):
                return records
            return [self._append(record, by) for record in records][-1]

    def _append(self, record: _Record, by: str) -> int:
        kind, body = record
        return self._journal.append(kind, json_body({**body, "by": by}))

    def answer(self, offset: int) -> Answer:
        """What decide said of the command at ``offset``; 202 while it has said nothing."""
        query = sa.select(state.answers.c.body).where(state.answers.c.offset == offset)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            return Answer(202, {}, offset)
        body: dict[str, Any] = msgspec.json.decode(found)
        return Answer(int(body.pop("status")), body, offset)

    def _registry(self, args: dict[str, Any]) -> _Made:
        try:
            asked = msgspec.convert(args.get("changes"), list[Change])
            private = msgspec.convert(args.get("private", []), list[_Private])
            file = msgspec.convert(args.get("file", ""), _FileName)
        except msgspec.ValidationError as error:
            return Answer(422, {"reason": f"registry.apply: {error}"}, None)
        unknown = sorted({one.kind for one in asked} - set(KINDS))
        if unknown:
            words = f"registry.apply: kind {', '.join(unknown)}: allowed are {', '.join(KINDS)}"
            return Answer(422, {"reason": words}, None)
        current = self._current()
        checked = check_changes(asked, current, self._settings.time_zone, known_profiles(self._settings.packs))
        if checked.faults:
            faults = [fault.line() for fault in checked.faults]
            words = f"{len(faults)} faults, nothing was changed: {faults[0]}"
            return Answer(422, {"reason": words, "faults": faults}, None)
        changes = changes_of(checked.document, current)
        changes += [one for one in asked if one.body is None and current.body(one.kind, one.id) is not None]
        private += [_Private(name, body) for name, body in checked.document.private.items()]
        gone = {one.id: one.kind for one in changes if one.body is None}

        def change(connection: sa.Connection) -> list[_Record] | Answer:
            _keep_private(connection, private, [name for name, kind in gone.items() if kind == "people"])
            records = [record for name, kind in gone.items() for record in _end_account(connection, kind, name)]
            if not changes:
                return Answer(200, {"changed": 0}, None)
            return [*records, (Kind.REGISTRY, {"type": "registry", "changes": changes, "file": file})]

        return change

    def _current(self) -> Registry:
        """A copy of the registry that decide does not change meanwhile."""
        registry = Registry()
        registry.load(list(self._decider.fold.registry.rows()), self._decider.fold.registry.version)
        return registry

    def _operation(self, name: str, args: dict[str, Any]) -> _Made:
        """Nothing wrong in itself gets into the journal, and no name or number of a person; decide checks it again."""
        fold = self._decider.fold
        faults = refusals(name, args, fold.registry, fold.alerting.bounds)
        if faults:
            return Answer(422, {"reason": "; ".join(faults)}, None)
        return Kind.COMMAND, {"type": "command", "command": name, "args": args}

    def _issue(self, args: dict[str, Any]) -> _Made:
        """Digests go into their table, and nothing of them into the journal: account and version, and the serial."""
        try:
            given = msgspec.convert(args, credentials.Given)
        except msgspec.ValidationError as error:
            return Answer(422, {"reason": f"{ISSUE}: {error}"}, None)
        device = self._account(given.account)
        if isinstance(device, Answer):
            return device
        serial = {"serial": given.serial} if given.serial else {}
        return lambda connection: [
            _credential(
                ISSUE, {"account": given.account, "version": credentials.issue(connection, given)}, device | serial
            )
        ]

    def _revoke(self, args: dict[str, Any]) -> _Made:
        account = args.get("account")
        if not isinstance(account, str):
            return Answer(422, {"reason": f"{REVOKE}: account: allowed is the id of a device, or source-ID"}, None)
        device = self._account(account)
        if isinstance(device, Answer):
            return device

        def change(connection: sa.Connection) -> list[_Record] | Answer:
            said = {"account": account, "version": credentials.revoke(connection, account)}
            return [_credential(REVOKE, said, device)] if said["version"] else Answer(200, said, None)

        return change

    def _account(self, name: str) -> dict[str, str] | Answer:
        """What a record says of an account besides its name: which device it is, where it is one."""
        registry = self._decider.fold.registry
        if name.startswith(SOURCE) and registry.knows("sources", name.removeprefix(SOURCE)):
            return {}
        wrong = reserved(name, gateway_of(self._settings))
        if wrong is None and not registry.knows("devices", name):
            wrong = f"{name[:80]!r} is no device of the registry, nor {SOURCE}ID of a source"
        return {"device": name} if wrong is None else Answer(422, {"reason": f"account: {wrong}"}, None)

    @staticmethod
    def _redrive(args: dict[str, Any]) -> _Made:
        offsets, reason, everything = args.get("offsets"), args.get("reason"), args.get("all")
        if offsets is not None and not (isinstance(offsets, list) and all(_is_offset(one) for one in offsets)):
            return Answer(422, {"reason": f"offsets: {str(offsets)[:60]}: allowed is a list of journal offsets"}, None)
        if offsets:
            return Kind.REDRIVE, {"type": "redrive", "offsets": offsets}
        if isinstance(reason, str) and len(reason) > MOST_ID:
            return Answer(422, {"reason": f"reason: {len(reason)} characters; at most {MOST_ID}"}, None)
        if isinstance(reason, str):
            return Kind.REDRIVE, {"type": "redrive", "reason": reason}
        if everything is True:
            return Kind.REDRIVE, {"type": "redrive", "all": True}
        return Answer(422, {"reason": "redrive needs offsets, a reason, or all"}, None)


def _keep_private(connection: sa.Connection, private: list[_Private], gone: list[str]) -> None:
    if private:
        statement = upsert(state.people_private)
        statement = statement.on_conflict_do_update(index_elements=["id"], set_={"body": statement.excluded.body})
        connection.execute(
            statement, [{"id": one.id, "body": msgspec.json.encode(one.body).decode()} for one in private]
        )
    if gone:
        connection.execute(state.people_private.delete().where(state.people_private.c.id.in_(gone)))


def _end_account(connection: sa.Connection, kind: str, name: str) -> list[_Record]:
    """What leaves the registry takes its account at the broker along; the record of that comes first."""
    if kind not in {"devices", "sources"}:
        return []
    account = name if kind == "devices" else f"{SOURCE}{name}"
    version = credentials.revoke(connection, account)
    device = {"device": name} if kind == "devices" else {}
    return [_credential(REVOKE, {"account": account, "version": version}, device)] if version else []


def _credential(command: str, said: dict[str, Any], about: dict[str, str]) -> _Record:
    return Kind.COMMAND, {"type": "command", "command": command, "args": said | about}


def _is_offset(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63
