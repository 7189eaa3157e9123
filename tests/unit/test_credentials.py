"""Credentials of broker accounts: what is in force, what the journal and the ledger hold of it, and replay."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from gateway import credentials, state
from gateway.api.services import Answer
from gateway.broker.configure import current
from gateway.broker.passwords import digest_of
from gateway.commands import Commands
from gateway.config import Settings
from gateway.errors import JournalFailedError
from gateway.journal.record import Kind, parse_json
from tests.support.deciding import Decided, Script

DIGEST = digest_of("pw", b"0" * 12)


class Site:
    """Commands over a state that really decides, with the records that they wrote."""

    def __init__(self, folder: Path) -> None:
        self.script = Script()
        self.script.begin()
        self.state = Decided(folder)
        self.state.decide(self.script.records)
        settings = Settings.model_validate({"data": {"dir": folder}})
        self._commands = Commands(
            self.state.engine, cast(Any, self), cast(Any, _Decider(self.state)), settings, wait=self._decide
        )

    def append(self, kind: Kind, body: bytes) -> int:
        """See ``gateway.journal.writer.Journal``."""
        return self.script.add(kind, body)

    def _decide(self) -> None:
        self.state.decide(self.script.records[self.state.cursor + 1 :])

    def run(self, name: str, **args: Any) -> Answer:
        """Give a command."""
        return self._commands.run(name, args, "admin")

    def rows(self) -> list[dict[str, Any]]:
        """The table."""
        return credentials.listed(self.state.engine)

    def entries(self, entity: str) -> list[dict[str, Any]]:
        """The bodies of the ledger's entries about an entity."""
        links, entries = state.ledger_links, state.ledger_entries
        query = sa.select(entries.c.bytes).join(links, links.c.idx == entries.c.idx).where(links.c.entity == entity)
        with self.state.engine.connect() as connection:
            return [json.loads(raw)["body"] for raw in connection.execute(query.order_by(entries.c.idx)).scalars()]


class _Decider:
    failed = None

    def __init__(self, decided: Decided) -> None:
        self.fold = decided.fold


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Two devices and a terminal are registered."""
    return Site(tmp_path)


def in_force(site: Site) -> dict[str, tuple[int, str, str]]:
    """(version, hash, serial) by account."""
    return {one.name: (one.version, one.digest, one.serial) for one in current(site.rows())}


def test_versions_follow_each_other_and_the_last_is_in_force(site: Site) -> None:
    """A password and a certificate each make a version and leave the other as it was; of older ones no hash is kept."""
    assert site.run("credentials.issue", account="wq-1", digest=DIGEST).body == {"account": "wq-1", "version": 1}
    site.run("credentials.issue", account="wq-1", serial="abc", expires_at=5)
    assert in_force(site) == {"wq-1": (2, DIGEST, "abc")}
    other = digest_of("other", b"1" * 12)
    site.run("credentials.issue", account="wq-1", digest=other)
    assert in_force(site) == {"wq-1": (3, other, "abc")}
    assert [(row["version"], row["digest"]) for row in site.rows()] == [(1, ""), (2, ""), (3, other)]
    assert site.rows()[2]["expires_at"] == 5


def test_journal_and_ledger_hold_the_version_and_no_hash(site: Site) -> None:
    """The record and the entry name account, device, version and serial; both are in the device's own history."""
    site.run("credentials.issue", account="wq-1", digest=DIGEST)
    site.run("credentials.issue", account="wq-1", serial="abc", expires_at=5)
    site.run("credentials.revoke", account="wq-1")
    records = [parse_json(one.body) for one in site.script.records if one.kind == Kind.COMMAND]
    assert [one["args"] for one in records] == [
        {"account": "wq-1", "version": 1, "device": "wq-1"},
        {"account": "wq-1", "version": 2, "device": "wq-1", "serial": "abc"},
        {"account": "wq-1", "version": 2, "device": "wq-1"},
    ]
    assert not any(DIGEST.encode() in one.body for one in site.script.records)
    found = [(one["command"], one["named"]["version"], one["by"]) for one in site.entries("device:wq-1")]
    wanted = [("credentials.issue", 1, "admin"), ("credentials.issue", 2, "admin"), ("credentials.revoke", 2, "admin")]
    assert found == wanted
    assert [one["command"] for one in site.entries("operator")][-3:] == [one[0] for one in wanted]


def test_a_revoked_account_that_comes_back_starts_with_the_next_version(site: Site) -> None:
    """Nothing of before is in force again, neither password nor certificate."""
    site.run("credentials.issue", account="wq-1", digest=DIGEST)
    site.run("credentials.issue", account="wq-1", serial="abc", expires_at=5)
    assert site.run("credentials.revoke", account="wq-1").body == {"account": "wq-1", "version": 2}
    assert in_force(site) == {}
    assert site.run("credentials.revoke", account="wq-1").body == {"account": "wq-1", "version": 0}
    site.run("credentials.issue", account="wq-1", digest=DIGEST)
    assert in_force(site) == {"wq-1": (3, DIGEST, "")}


def test_a_device_that_leaves_the_registry_takes_its_credentials_along(site: Site) -> None:
    """However it was taken out, also by a file or a page: registered again it needs new ones."""
    site.run("credentials.issue", account="wq-1", digest=DIGEST)
    site.run("registry.apply", changes=[{"kind": "devices", "id": "wq-1", "body": None}])
    assert in_force(site) == {}
    assert [(one["command"], one["status"]) for one in site.entries("device:wq-1")][-1] == ("credentials.revoke", 200)
    body = {"id": "wq-1", "kind": "water"}
    site.run("registry.apply", changes=[{"kind": "devices", "id": "wq-1", "body": body}])
    assert in_force(site) == {}


def test_the_account_of_a_source_is_no_devices(site: Site) -> None:
    """``source-ID`` of a registered source gets credentials; its entry is the operator's alone."""
    source = {"id": "dtu", "filter": "dtu/+/data", "device": "topic[1]"}
    assert site.run("registry.apply", changes=[{"kind": "sources", "id": "dtu", "body": source}]).status == 200
    assert site.run("credentials.issue", account="source-dtu", digest=DIGEST).status == 200
    assert site.entries("device:source-dtu") == []
    assert site.entries("operator")[-1]["named"] == {"account": "source-dtu", "version": 1}
    site.run("registry.apply", changes=[{"kind": "sources", "id": "dtu", "body": None}])
    assert in_force(site) == {}


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"account": "nobody"}, "account: 'nobody' is no device of the registry, nor source-ID of a source"),
        ({"account": "hygeia"}, "account: 'hygeia' is an account of the gateway itself"),
        ({"account": "hygeia-health"}, "account: 'hygeia-health' is an account of the gateway itself"),
        ({"account": "source-none"}, "account: 'source-none': accounts that begin with 'source-' are those of sources"),
        ({"account": "wq-1", "digest": "cleartext"}, "credentials.issue: Expected `str` matching regex"),
        (
            {"account": "wq-1", "digest": DIGEST.replace("$101$", "$9999999$")},
            "credentials.issue: Expected `str` matching",
        ),
        ({"account": "wq-1", "password": "x"}, "credentials.issue: Object contains unknown field `password`"),
        ({}, "credentials.issue: Object missing required field `account`"),
    ],
)
def test_what_cannot_be_issued_leaves_no_trace(site: Site, args: dict[str, Any], words: str) -> None:
    """It is refused in one line; neither a row nor a record comes of it."""
    records = len(site.script.records)
    answer = site.run("credentials.issue", **args)
    assert (answer.status, answer.offset) == (422, None)
    assert answer.body["reason"].startswith(words)
    assert site.rows() == []
    assert len(site.script.records) == records


@pytest.mark.parametrize("what", ["issue", "revoke", "apply"])
def test_what_the_journal_does_not_take_changes_no_account(
    site: Site, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk the version in force stays in force, with its hash: nobody holds another password."""
    site.run("credentials.issue", account="wq-1", digest=DIGEST)
    before = site.rows()

    def refuse(kind: Kind, body: bytes) -> int:
        raise JournalFailedError("disk full")

    monkeypatch.setattr(site, "append", refuse)
    leave = [{"kind": "devices", "id": "wq-1", "body": None}]
    with pytest.raises(JournalFailedError):
        {
            "issue": lambda: site.run("credentials.issue", account="wq-1", digest=digest_of("other")),
            "revoke": lambda: site.run("credentials.revoke", account="wq-1"),
            "apply": lambda: site.run("registry.apply", changes=leave),
        }[what]()
    assert site.rows() == before


def test_versions_go_on_where_the_table_was_lost(site: Site) -> None:
    """A state that was made again from the journal has no credentials; the ledger still tells which were given."""
    site.run("credentials.issue", account="wq-1", digest=DIGEST)
    site.run("credentials.issue", account="wq-1", digest=DIGEST)
    with site.state.engine.begin() as connection:
        connection.execute(state.credentials.delete())
    assert site.run("credentials.issue", account="wq-1", digest=DIGEST).body["version"] == 3
    assert site.run("credentials.issue", account="wq-2", digest=DIGEST).body["version"] == 1


def test_a_replay_gives_the_same_ledger_without_the_table(site: Site, tmp_path: Path) -> None:
    """Decided again by a state that never had the credentials, the records give the same entries, byte by byte."""
    site.run("credentials.issue", account="wq-1", digest=DIGEST)
    site.run("credentials.issue", account="wq-2", serial="1f", expires_at=5)
    site.run("credentials.revoke", account="wq-1")
    (tmp_path / "again").mkdir()
    again = Decided(tmp_path / "again")
    again.decide(site.script.records)
    assert again.rows(state.ledger_entries) == site.state.rows(state.ledger_entries)
    assert again.rows(state.answers) == site.state.rows(state.answers)
    assert again.rows(state.credentials) == []


def test_credentials_are_given_out_while_others_write(site: Site) -> None:
    """Whoever else commits in the same moment is waited for: no command finds the database locked."""
    done = threading.Event()

    def write() -> None:
        n = 0
        while not done.is_set():
            n += 1
            with site.state.engine.begin() as connection:
                connection.execute(state.settings.delete().where(state.settings.c.name == "busy"))
                connection.execute(state.settings.insert().values(name="busy", value=str(n)))

    busy = threading.Thread(target=write)
    busy.start()
    try:
        versions = [site.run("credentials.issue", account="wq-1", digest=DIGEST).body["version"] for _ in range(30)]
        ended = site.run("credentials.revoke", account="wq-1").body["version"]
    finally:
        done.set()
        busy.join()

    assert versions == list(range(1, 31))
    assert ended == 30
