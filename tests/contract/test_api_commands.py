"""Commands over HTTP, and files under their hash."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from typing import Any

import pytest

from gateway import state
from gateway.api import faults, files
from gateway.api.app import build_app
from gateway.api.services import Answer, Lag, RawMessage
from tests.plugins.fake_services import RUNTIME_TOKEN, FakeServices
from tests.plugins.http_caller import Caller, token_for


@pytest.fixture
def runtime(caller: Caller) -> Caller:
    """An administrator."""
    caller.token = RUNTIME_TOKEN
    return caller


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, {"redriven": 3}, 9),
        Answer(409, {"reason": "already acknowledged"}, 9),
        Answer(422, {"reason": "id: no such alert"}, None),
    ],
)
async def test_the_answer_of_a_command_is_passed_on(services: FakeServices, runtime: Caller, answer: Answer) -> None:
    """Status, body and offset."""
    services.answer = answer
    reply = await runtime.post("/api/v1/commands", {"command": "journal.redrive", "args": {"all": True}})
    assert reply.status == answer.status
    assert reply.json() == answer.body | {"offset": answer.offset, "status": answer.status}


async def test_a_command_that_takes_longer_is_asked_for_later(services: FakeServices, runtime: Caller) -> None:
    """202 names the address; it says 202 until the answer is there, then what the call would have said."""
    services.answer = Answer(202, {}, 101)
    reply = await runtime.post("/api/v1/commands", {"command": "journal.redrive"})
    assert reply.status == 202
    where = reply.header("location") or ""
    assert where == "/api/v1/commands/101"
    assert (await runtime.get(where)).status == 404, "the journal has no such offset yet"
    services.followers["journal"] = Lag(101, 0, "ok")
    assert (await runtime.get(where)).status == 202
    services.messages[101] = RawMessage(101, 0, "t", b"{}")
    assert (await runtime.get(where)).status == 404, "a device's message is no command"
    services.messages.clear()
    services.followers["decide"] = Lag(101, 0, "ok")
    assert (await runtime.get(where)).status == 404
    await asyncio.to_thread(services.insert, state.answers, offset=101, body='{"status": 409, "reason": "too late"}')
    assert (await runtime.get(where)).status == 409
    assert (await runtime.get("/api/v1/commands")).json()["items"] == [
        {"status": 409, "reason": "too late", "offset": 101}
    ]


@pytest.mark.parametrize(
    "document",
    [
        {"command": "drop table"},
        {"command": "alerts.ack", "args": []},
        {"command": "alerts.ack", "args": {}, "more": 1},
        {"args": {}},
        [],
        "x",
        {"command": "alerts.ack", "args": {"id": "\ud800"}},
    ],
)
async def test_a_wrong_command_is_422_and_reaches_nobody(
    services: FakeServices, runtime: Caller, document: Any
) -> None:
    """With field and what is allowed."""
    reply = await runtime.post("/api/v1/commands", document)
    assert reply.status == 422, reply.text
    assert reply.json()["faults"]
    assert services.commands == []


async def put(caller: Caller, content: bytes, sha256: str | None = None, **headers: str) -> Any:
    """Hand in a file."""
    name = sha256 or hashlib.sha256(content).hexdigest()
    return await caller.call(
        "PUT", f"/api/v1/files/{name}", {k.replace("_", "-"): v for k, v in headers.items()}, content
    )


async def test_a_file_is_kept_under_its_hash(services: FakeServices, runtime: Caller) -> None:
    """It comes back byte by byte; the same again changes nothing."""
    content = os.urandom(300_000)
    reply = await put(runtime, content, content_type="image/jpeg")
    assert reply.status == 200, reply.text
    assert reply.json()["size"] == 300_000
    services.clock.now += 60_000
    again = await put(runtime, content, content_type="text/plain")
    assert again.status == 200
    assert again.json() == reply.json()
    back = await runtime.get(f"/api/v1/files/{hashlib.sha256(content).hexdigest()}")
    assert back.body == content
    assert back.header("content-type") == "image/jpeg"
    assert (await runtime.get("/api/v1/files")).json()["items"] == [reply.json()]


async def test_a_damaged_note_costs_only_its_own_file(services: FakeServices, runtime: Caller) -> None:
    """The list goes on without it, and handing the file in again mends it."""
    await put(runtime, b"whole")
    shown = (await put(runtime, b"damaged")).json()
    note = services.settings.data.dir / "files" / shown["sha256"][:2] / f"{shown['sha256']}.json"
    await asyncio.to_thread(note.write_bytes, b"{")
    (left,) = (await runtime.get("/api/v1/files")).json()["items"]
    assert left["sha256"] == hashlib.sha256(b"whole").hexdigest()
    await put(runtime, b"damaged")
    assert len((await runtime.get("/api/v1/files")).json()["items"]) == 2


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/api/v1/files/xyz", "sha256: 'xyz' is not allowed; allowed: a SHA-256: 64 hex digits in lower case"),
        ("GET", "/api/v1/alerts?limit=0", "limit: '0' is not allowed; allowed: greater than or equal to 1"),
        ("GET", "/api/v1/alerts?from=noon", "from: 'noon' is not allowed; allowed: "),
        ("POST", "/api/v1/commands", "command: 'drop table' is not allowed; allowed: the name of a command"),
    ],
)
async def test_a_refusal_names_field_value_and_what_is_allowed(
    services: FakeServices, runtime: Caller, method: str, path: str, words: str
) -> None:
    """In words: nobody has to read a regular expression."""
    body = b'{"command": "drop table"}' if method == "POST" else b""
    reply = await runtime.call(method, path, {"content-type": "application/json"}, body)
    assert reply.status == 422
    assert reply.json()["reason"].startswith(words)


def test_every_pattern_of_the_api_has_words(services: FakeServices) -> None:
    """A pattern that somebody adds needs words for people."""
    patterns = set(re.findall(r'"pattern": ("(?:[^"\\\\]|\\\\.)*")', json.dumps(build_app(services).openapi())))
    assert patterns
    assert {json.loads(one) for one in patterns} <= faults.PATTERNS.keys()


async def test_bytes_that_are_not_what_the_name_says_are_refused(services: FakeServices, runtime: Caller) -> None:
    """And nothing of them stays."""
    reply = await put(runtime, b"other", "0" * 64)
    assert reply.status == 422
    assert reply.json()["faults"][0]["field"] == "sha256"
    assert await asyncio.to_thread(leftovers, services) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "%2e%2e%2fx"])
async def test_a_name_that_is_no_hash_is_refused(services: FakeServices, runtime: Caller, name: str) -> None:
    """No path leads out of the folder."""
    assert (await runtime.call("PUT", f"/api/v1/files/{name}", body=b"x")).status in {404, 405, 422}
    assert await asyncio.to_thread(leftovers, services) == []


async def test_a_file_that_is_too_large_is_refused(
    services: FakeServices, runtime: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its declared length, and by what really comes."""
    monkeypatch.setattr(files, "LARGEST", 1000)
    assert (await put(runtime, b"x", content_length="1001")).status == 413
    assert (await put(runtime, b"x" * 1001)).status == 413
    assert (await put(runtime, b"x" * 1000)).status == 200
    assert len(await asyncio.to_thread(leftovers, services)) == 2


async def test_a_file_is_seen_in_the_scope_of_those_who_handed_it_in(city: FakeServices, city_caller: Caller) -> None:
    """A page that it holds is a download, not a page."""
    content = b"<script>alert(1)</script>"
    name = hashlib.sha256(content).hexdigest()
    assert (await city_caller.get(f"/api/v1/files/{name}")).status == 404
    assert (await put(city_caller, content)).status == 401
    city_caller.token = await asyncio.to_thread(token_for, city, "unit_user", "hosp-1")
    assert (await put(city_caller, content, content_type="text/html")).status == 200
    token, city_caller.token = city_caller.token, None
    local = (await city_caller.get("/api/v1/files")).json()["items"]
    assert [one["sha256"] for one in local] == [name], "on loopback nobody is a viewer of everything"
    assert (await city_caller.get(f"/api/v1/files/{name}")).body == content
    city_caller.token = token
    shown = await city_caller.get(f"/api/v1/files/{name}")
    assert shown.header("content-type") == "application/octet-stream"
    assert "attachment" in (shown.header("content-disposition") or "")
    city_caller.token = await asyncio.to_thread(token_for, city, "officer", None, "gulou")
    assert (await city_caller.get(f"/api/v1/files/{name}")).status == 404
    assert (await city_caller.get("/api/v1/files")).json()["items"] == []


def leftovers(services: FakeServices) -> list[str]:
    """Every file under the folder of files."""
    folder = services.settings.data.dir / "files"
    return [path.name for path in folder.rglob("*") if path.is_file()]
