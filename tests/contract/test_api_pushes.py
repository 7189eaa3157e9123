"""Custody events over HTTP: who may hand them in, what they become, and what is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.clock import SystemClock
from gateway.config import Settings
from gateway.errors import JournalFailedError
from gateway.journal.reader import Reader
from gateway.journal.record import Kind, origin_parts, parse_message
from gateway.offline import Offline
from gateway.pushes import Pushes
from tests.plugins.fake_services import FakeServices
from tests.plugins.http_caller import Caller, token_for
from tests.support.waste import WASTE

EVENT = {"id": "P-1", "boot": 1, "seq": 1, "step": "collect", "ids": [{"k": "qr", "v": "MW-1"}], "category": "sharps"}
PATH = "/api/v1/devices/scale-1/events"


@pytest.fixture
def allowed(city: FakeServices, caller: Caller) -> Caller:
    """A unit user of the hospital."""
    caller.token = token_for(city, "unit_user", unit="hosp-1")
    return caller


async def test_one_event_and_a_list_keep_their_bytes(city: FakeServices, allowed: Caller) -> None:
    """Each event goes on as it was written, and an object or a list answers the same."""
    raw = b'{"id":"P-1", "step":"pack","ids":[],"weight":{"net_kg":3.420}}'
    reply = await allowed.call("POST", PATH, {"content-type": "application/json"}, raw)
    assert (reply.status, reply.json()["id"], reply.json()["code"]) == (200, "P-1", 0)
    reply = await allowed.call("POST", PATH, {"content-type": "application/json"}, b"[ " + raw + b' ,{"id":"P-2"}]')
    assert [one["code"] for one in reply.json()] == [0, 0]
    assert city.pushed == [("scale-1", part, "unit_user") for part in (raw, raw, b'{"id":"P-2"}')]


@pytest.mark.parametrize(
    ("device", "body", "role", "status", "words"),
    [
        ("scale-1", b"{}", "viewer", 403, "permission handle"),
        ("scale-1", b"{}", "", 401, "a user or a token"),
        ("wq-3", b"{}", "unit_user", 422, "a device of kind terminal"),
        ("wq-1", b"{}", "unit_user", 404, "there is no device wq-1"),
        ("nobody", b"{}", "unit_user", 404, "there is no device nobody"),
        ("scale-1", b"[]", "unit_user", 422, "1 to 200 events"),
        ("scale-1", b"[" + b",".join([b"{}"] * 201) + b"]", "unit_user", 422, "201 events"),
        ("scale-1", b" ", "unit_user", 422, "one event as a JSON object"),
        ("scale-1", b" " * (4 * 1024 * 1024 + 1), "unit_user", 413, "4194304 bytes"),
    ],
)
async def test_what_is_refused_never_gets_into_the_journal(  # noqa: PLR0917 - one argument a column
    city: FakeServices, caller: Caller, device: str, body: bytes, role: str, status: int, words: str
) -> None:
    """Whoever may not handle, another unit's device, what is no terminal, and too much at once."""
    caller.token = await asyncio.to_thread(token_for, city, role, "hosp-1") if role else None
    reply = await caller.call("POST", f"/api/v1/devices/{device}/events", {}, body)
    assert reply.status == status
    assert words in reply.json()["reason"]
    assert city.pushed == []


async def test_without_room_nothing_is_taken(city: FakeServices, allowed: Caller) -> None:
    """503 with the reason and when to come again: the events stay where they are."""
    city.refusal = "too little free disk space"
    reply = await allowed.post(PATH, EVENT)
    assert (reply.status, reply.header("retry-after")) == (503, "10")
    assert "too little free disk space" in reply.json()["reason"]


@pytest.fixture
def offline(tmp_path: Path) -> Iterator[Offline]:
    """An installation with the waste city, held by this process."""
    settings = Settings(data={"dir": tmp_path}, journal={"min_free": "1MiB"})
    with Offline(settings) as one:
        changes = [{"kind": kind, "id": body["id"], "body": body} for kind, all_ in WASTE.items() for body in all_]
        answer = one.command("registry.apply", {"changes": changes}, "test")
        assert answer.status == 200, answer.body
        yield one


async def test_each_fate_is_answered_as_over_mqtt(offline: Offline, tmp_path: Path) -> None:
    """Accepted with flags, repeated, conflict, parked; records say that they came over HTTP, from whom."""
    event = EVENT | {"ts": SystemClock().now_ms(), "category": "odd"}
    other = event | {"category": "infectious"}
    large = EVENT | {"id": "P-9", "reason": "x" * 70_000}
    payloads = [json.dumps(one).encode() for one in (event, event, other, large)] + [b"{", b'{"id": "P-3"}']
    taken = await asyncio.to_thread(offline.push, "T-ward", payloads, "10.0.0.7:5000", "li")
    assert taken.refused == ""
    assert [(one["id"], one["code"], one["reason"], one["object"]) for one in taken.replies] == [
        ("P-1", 0, None, "MW-1"),
        ("P-1", 1, "repeated", "MW-1"),
        ("P-1", 3, "conflict", "MW-1"),
        ("P-9", 2, "too_large", None),
        (None, 2, "not_json", None),
        ("P-3", 2, "bad_shape", None),
    ]
    assert taken.replies[0]["flags"] == ["unknown_category"]
    records = await asyncio.to_thread(Reader(tmp_path / "journal").read, 0, end=1000)
    messages = [parse_message(one.body) for one in records if one.kind == Kind.MESSAGE]
    assert {one.topic for one in messages} == {b"hygeia/v1/_/T-ward/up/event"}
    assert [one.payload for one in messages][:3] == payloads[:3]
    assert {one.qos for one in messages} == {1}
    assert (messages[3].full_length, len(messages[3].payload)) == (len(payloads[3]), 65_536)
    where = origin_parts(messages[0].origin)
    assert (where["source"], where["peer"], where["principal"]) == ("http", "10.0.0.7:5000", "li")
    report = await asyncio.to_thread(offline.report)
    assert (report["journaled"], report["repeated"], report["parked"]) == (6, 1, 4)


class Refusing:
    """A journal that takes nothing."""

    def __init__(self, error: Exception | None, *, blocked: bool) -> None:
        self.blocked = blocked
        self._error = error

    def append_all(self, _entries: Any, _timeout: float) -> int:
        """See ``Journal.append_all``."""
        assert self._error is not None, "it must not be asked"
        raise self._error


@pytest.mark.parametrize(
    ("error", "blocked", "words"),
    [
        (None, True, "too little free disk space"),
        (TimeoutError("slow"), False, "does not answer"),
        (JournalFailedError("no"), False, "has failed"),
    ],
)
def test_a_journal_that_takes_nothing_is_said(error: Exception | None, blocked: bool, words: str) -> None:
    """Whatever keeps an event from the disk, the sender hears that it must keep it."""
    settings = SimpleNamespace(http=SimpleNamespace(listen="x"), mqtt=SimpleNamespace(root="hygeia/v1"))
    journal = Refusing(error, blocked=blocked)
    pushes = Pushes(cast(Any, None), cast(Any, journal), cast(Any, None), cast(Any, settings), SystemClock())
    taken = pushes.take("T-1", [b"{}"], "", "")
    assert taken.replies == []
    assert words in taken.refused


async def test_what_is_not_decided_yet_is_said(offline: Offline) -> None:
    """Durable, without a code: the sender keeps it and asks again, and then it is a repeat."""
    payload = json.dumps(EVENT).encode()
    core = offline._core
    idle = Pushes(core.engine, core.journal, core.decider, core.settings, core.clock)
    taken = await asyncio.to_thread(idle.take, "T-ward", [payload], "", "li", 0.05)
    assert [(one["id"], one["code"], one["reason"]) for one in taken.replies] == [("P-1", None, "not_decided")]
    again = await asyncio.to_thread(offline.push, "T-ward", [payload], "", "li")
    assert [one["code"] for one in again.replies] == [1]
