"""How a command reaches an installation: pages joined, answers waited for, refusals in the gateway's words."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway import client
from gateway.client import Door, HttpTransport, RefusedError, Reply, open_door
from gateway.config import Settings
from gateway.errors import HygeiaError, InstallationLockedError, StartError, UsageError
from gateway.installation import Installation, Runtime


class Scripted:
    """A transport that gives prepared replies and keeps what it was asked."""

    def __init__(self, *replies: tuple[int, dict[str, Any]], location: str = "") -> None:
        self.replies = list(replies)
        self.location = location
        self.asked: list[tuple[str, str, bytes | None]] = []

    def __call__(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """See ``Transport``."""
        self.asked.append((method, path, body))
        status, document = self.replies.pop(0)
        return Reply(status, self.location, json.dumps(document).encode())


def test_all_pages_of_a_list_are_fetched() -> None:
    """``next`` of a page goes into the next call until it is null; absent filters are left out."""
    transport = Scripted((200, {"items": [1, 2], "next": "b"}), (200, {"items": [3], "next": None}))
    assert Door(transport).items("alerts", state="active", device=None) == [1, 2, 3]
    assert [path for _, path, _ in transport.asked] == [
        "/api/v1/alerts?state=active&limit=1000",
        "/api/v1/alerts?state=active&limit=1000&after=b",
    ]


def test_names_in_a_path_are_quoted() -> None:
    """An id with a slash or a question mark stays one part of the path."""
    transport = Scripted((200, {}))
    Door(transport).get("alerts", "a/b?c")
    assert transport.asked[0][1] == "/api/v1/alerts/a%2Fb%3Fc"


def test_a_command_that_is_not_decided_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """202 is asked again at its Location until there is an answer."""
    monkeypatch.setattr(client.time, "sleep", lambda _: None)
    transport = Scripted((202, {}), (202, {}), (200, {"changes": 3}), location="/api/v1/commands/7")
    assert Door(transport).command("registry.apply", {"changes": []}) == {"changes": 3}
    assert [(method, path) for method, path, _ in transport.asked] == [
        ("POST", "/api/v1/commands"),
        ("GET", "/api/v1/commands/7"),
        ("GET", "/api/v1/commands/7"),
    ]
    assert json.loads(transport.asked[0][2] or b"") == {"command": "registry.apply", "args": {"changes": []}}


def test_a_command_that_is_never_decided_says_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the deadline the user learns that the command is written and where its answer will be."""
    monkeypatch.setattr(client, "ANSWER_S", 0.0)
    with pytest.raises(HygeiaError, match="written but not decided yet; look again later: /api/v1/commands/7"):
        Door(Scripted((202, {}), location="/api/v1/commands/7")).command("journal.redrive", {})


@pytest.mark.parametrize(("status", "code"), [(409, 1), (422, 2), (404, 2), (403, 1), (500, 1)])
def test_a_refusal_keeps_the_gateways_words(status: int, code: int) -> None:
    """The reason is the error's line, faults are lines of their own, and the exit code tells wrong use from refusal."""
    fault = {"field": "args.offsets", "value": "x", "allowed": "a list of journal offsets"}
    transport = Scripted((status, {"reason": "one fault", "faults": [fault, "plain"]}))
    with pytest.raises(RefusedError, match="one fault") as caught:
        Door(transport).command("journal.redrive", {})
    assert caught.value.faults == ["args.offsets = 'x': allowed: a list of journal offsets", "plain"]
    assert caught.value.exit_code == code


def test_an_answer_that_is_no_json_is_a_refusal() -> None:
    """What a proxy or another program answers is told by its status, not as a traceback."""
    with pytest.raises(RefusedError, match="status 502 without a JSON document"):
        Door(lambda *_: Reply(502, "", b"<html>")).report()


@pytest.fixture
def server() -> Iterator[tuple[str, list[Any]]]:
    """An HTTP server that notes authorization and path; (address, what was asked)."""
    asked: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["Authorization"]))
            body = b'{"journaled": 1}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", asked
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_a_held_folder_is_reached_by_http_and_never_through_a_proxy(
    server: tuple[str, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the lock is held, the door goes to the address of runtime.json with its token."""
    address, asked = server
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    installation = Installation(tmp_path)
    installation.settings_file.touch()
    installation.write_runtime(Runtime(address, "t0ken", "mqtt://127.0.0.1:1883", 1))
    with installation.lock(), open_door(Settings(data={"dir": tmp_path})) as door:
        assert door.report() == {"journaled": 1}
    assert asked == [("/api/v1/report", "Bearer t0ken")]


def test_a_held_folder_without_an_address_is_waited_for_and_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another command may hold the folder for a moment; one that keeps it is an error that names the process."""
    installation = Installation(tmp_path)
    installation.settings_file.touch()
    settings = Settings(data={"dir": tmp_path}, journal={"min_free": "1MiB"})
    lock = installation.lock()
    with pytest.raises(InstallationLockedError, match="in use by process"), open_door(settings, patience=-1):
        pass
    monkeypatch.setattr(client.time, "sleep", lambda _: lock.release())
    with open_door(settings) as door:
        assert door.report()["journaled"] == 0


def test_a_gateway_that_does_not_answer_is_one_line() -> None:
    """Nobody at the address: the error names process and address."""
    runtime = Runtime("http://127.0.0.1:9", "t", "", 4711)
    with pytest.raises(StartError, match=r"process 4711\) does not answer at http://127\.0\.0\.1:9: "):
        HttpTransport(runtime)("GET", "/")


def test_a_folder_without_an_installation_is_wrong_use(tmp_path: Path) -> None:
    """The error names the folder and the command that makes an installation; the folder is not made."""
    missing = tmp_path / "none"
    with pytest.raises(UsageError, match="hygeia init --data-dir"), open_door(Settings(data={"dir": missing})):
        pass
    assert not missing.exists()
