"""``hygeia alerts`` and ``hygeia maintenance``: the commands they give, and what they print."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.cli import alerts, call, handle, maintenance
from gateway.client import JSON, Door, Reply

ALERT: dict[str, Any] = {
    "id": "A1",
    "rule": "chlorine-low",
    "pack": "gb5749-2022",
    "severity": "major",
    "state": "active",
    "unit": "wtp-1",
    "place": "out",
    "device": "wq-1",
    "point": "-",
    "parameter": "chlorine_free",
    "value": 0.1,
    "limit_value": 0.3,
    "parameter_unit": "mg/L",
    "since": 1_795_305_600_000,
    "fired_at": 1_795_305_660_000,
    "cleared_at": None,
    "acknowledged_by": None,
    "reason": "bad_readings",
    "offset": 7,
    "assigned_to": None,
    "acknowledged_at": None,
    "shelved_until": None,
    "closed_at": None,
}
UNTIL = 1_795_312_800_000
SESSION: dict[str, Any] = {
    "device": "wq-1",
    "offset": 9,
    "kind": "clean",
    "opened_at": 1_795_305_600_000,
    "until": 1_795_312_800_000,
    "opened_by": "person:p-7",
    "closed_at": None,
    "closed_by": None,
    "comment": "",
}


class Gateway:
    """The API as far as these commands ask it; ``refuses`` is the answer to every command."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[dict[str, str]] = []
        self.files: dict[str, tuple[bytes, str]] = {}
        self.alert = dict(ALERT)
        self.refuses: tuple[int, str] | None = None

    def __call__(self, method: str, path: str, body: bytes | None = None, kind: str = JSON) -> Reply:
        """See ``gateway.client.Transport``."""
        parts = urlsplit(path)
        what = parts.path.removeprefix("/api/v1/").split("/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if method == "PUT":
            self.files[what[1]] = (body or b"", kind)
            return self._reply({"sha256": what[1]})
        if method == "POST":
            document = json.loads(body or b"")
            self.commands.append((document["command"], document["args"]))
            if self.refuses:
                return Reply(self.refuses[0], "", json.dumps({"reason": self.refuses[1]}).encode())
            return self._reply({})
        if what == ["sessions"]:
            self.asked.append(query)
            return self._reply({"items": [SESSION], "next": None})
        if what == ["alerts"]:
            self.asked.append(query)
            shown = query.get("state") == self.alert["state"] or "group" in query
            return self._reply({"items": [self.alert] if shown else [], "next": None})
        return self._reply({**self.alert, **HISTORY})

    @staticmethod
    def _reply(document: dict[str, Any]) -> Reply:
        return Reply(200, "", json.dumps(document).encode())


HISTORY: dict[str, Any] = {
    "readings": {
        "items": [
            {"ts": ALERT["since"] + 60_000 * minute, "value": minute / 10, "flag": "N", "late": False}
            for minute in range(-30, 30)
        ]
    },
    "transitions": [
        {"at": ALERT["fired_at"], "event": "fired", "from_state": "pending", "to_state": "active", "value": 0.1,
         "by": "rule:gb5749-2022/chlorine-low", "reason": "bad_readings", "comment": "", "offset": 7},
    ],
    "deliveries": [{"created_at": ALERT["fired_at"], "person": "p-7", "channel": "sms", "event": "fired",
                    "state": "delivered", "tries": 1, "last_error": None}],
    "records": [{"offset": 7, "at": ALERT["fired_at"], "kind": "message", "topic": "hygeia/v1/_/wq-1/up/telemetry",
                 "payload_b64": "eyJjaGxvcmluZV9mcmVlIjogMC4xfQ=="}],
    "sessions": [], "findings": [], "candidates": [{"id": "p-7"}], "names": {"p-7": "林一"},
}  # fmt: skip


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A gateway that answers every command of this process, in English."""
    made = Gateway()

    @contextmanager
    def door(*_: object) -> Iterator[Door]:
        yield Door(made)

    for module in (alerts, handle, maintenance):
        monkeypatch.setattr(module, "open_door", door)
    monkeypatch.setenv("HYGEIA_LANG", "en")
    return made


@pytest.mark.parametrize(
    ("line", "command", "args"),
    [
        ("ack A1", "ack", {}),
        ("ack A1 --by p-7 --reason seen", "ack", {"by": "p-7", "comment": "seen"}),
        ("close A1 --reason false_alarm", "close", {"reason": "false_alarm"}),
        ("close A1 --reason other --comment dog", "close", {"reason": "other", "comment": "dog"}),
        ("shelve A1 --for 2h", "shelve", {"for_ms": 7_200_000}),
        ("shelve A1 --one-shot --reason filter", "shelve", {"one_shot": True, "comment": "filter"}),
        ("shelve A1 --for 1h30m --one-shot", "shelve", {"for_ms": 5_400_000, "one_shot": True}),
        ("shelve A1", "shelve", {"for_ms": 3_600_000}),
        ("unshelve A1", "unshelve", {}),
        ("assign A1 --by p-7", "assign", {"to": "p-7", "by": "p-7"}),
        ("close A1 --reason 'pump was off'", "close", {"reason": "other", "comment": "pump was off"}),
        ("close A1 --reason bored --comment dog", "close", {"reason": "other", "comment": "bored; dog"}),
        ("comment A1 --reason called", "comment", {"comment": "called"}),
        ("comment A1 --comment called --by p-7", "comment", {"comment": "called", "by": "p-7"}),
        ("assign A1 --to p-8 --by p-7", "assign", {"to": "p-8", "by": "p-7"}),
        ("assign A1 --to ''", "assign", {"to": ""}),
    ],
)
def test_each_way_to_handle_an_alert_is_one_command(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], line: str, command: str, args: dict[str, Any]
) -> None:
    """Options become the arguments of the command; what was not given is not sent; one line says the new state."""
    assert call(shlex.split(f"alerts {line}")) == 0
    assert gateway.commands == [(f"alerts.{command}", {"id": "A1", **args})]
    assumed = ", for 1h as --for was not given" if line == "shelve A1" else ""
    assert capsys.readouterr().out == f"A1 chlorine-low out wq-1 chlorine_free: to do{assumed}\n"


@pytest.mark.parametrize(
    ("changed", "language", "line"),
    [
        ({"state": "acknowledged", "acknowledged_by": "p-7"}, "en", ": in hand, taken by p-7"),
        ({"state": "acknowledged", "acknowledged_by": "p-7"}, "zh", "：处理中，处理人 p-7"),
        ({"state": "shelved", "shelved_until": UNTIL}, "en", ": put aside, until 2026-11-22T10:00:00.000+08:00"),
        ({"state": "shelved", "shelved_until": UNTIL}, "zh", "：已搁置，至 2026-11-22T10:00:00.000+08:00"),
        ({"state": "latched", "assigned_to": "p-8"}, "en", ": over, to confirm, assigned to p-8"),
        ({"state": "latched", "assigned_to": "p-8"}, "zh", "：已恢复待确认，指派给 p-8"),
    ],
)
def test_the_line_speaks_plainly_in_both_languages(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], language: str, line: str
) -> None:
    """The four plain states, who has it, until when."""
    gateway.alert |= changed
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYGEIA_LANG", language)
        assert call(["alerts", "ack", "A1"]) == 0
    parameter = {"en": "chlorine_free", "zh": "游离氯"}[language]
    assert capsys.readouterr().out == f"A1 chlorine-low out wq-1 {parameter}{line}\n"


def test_json_is_the_alert_in_its_public_shape(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    """One document with the keys of DESIGN 4.7 and those of handling, without history."""
    assert call(["alerts", "ack", "A1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == gateway.alert


def test_a_file_is_handed_in_under_its_digest(gateway: Gateway, tmp_path: Path) -> None:
    """The command names the SHA-256 of the file that was sent before it, with its kind."""
    photograph = tmp_path / "probe.jpg"
    photograph.write_bytes(b"\xff\xd8\xff")
    digest = hashlib.sha256(b"\xff\xd8\xff").hexdigest()
    assert call(["alerts", "close", "A1", "--reason", "resolved", "--file", str(photograph)]) == 0
    assert gateway.files == {digest: (b"\xff\xd8\xff", "image/jpeg")}
    assert gateway.commands[0][1]["file"] == digest


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("alerts shelve A1 --for soon", "--for 'soon': allowed: numbers with d, h, m or s, such as 2h, 90m, 1h30m"),
        ("alerts shelve A1 --for 0h", "--for '0h': allowed"),
        ("alerts close A1", "Missing option '--reason'"),
        ("alerts comment A1", "Missing option '--comment'"),
        ("alerts assign A1", "give --to PERSON, or --by PERSON who takes it"),
        ("alerts close A1 --reason resolved --file /nowhere/x", "/nowhere/x: No such file"),
        ("alerts list --state asleep", "'asleep' is not one of"),
        ("alerts list --from yesterday", "--from 'yesterday': allowed: ISO 8601"),
        ("maintenance open wq-1 --kind dance --for 2h", "'dance' is not one of 'clean'"),
        ("maintenance open wq-1 --kind clean", "Missing option '--for'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], line: str, words: str
) -> None:
    """The line names the option and what is allowed; nothing is sent."""
    assert call(line.split()) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert gateway.commands == []


@pytest.mark.parametrize(("status", "code"), [(409, 1), (404, 2), (422, 2)])
def test_a_refusal_is_one_line_in_the_words_of_the_gateway(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], status: int, code: int
) -> None:
    """Not now is exit 1, wrong arguments or an unknown alert are exit 2."""
    gateway.refuses = status, "alert A1 is closed"
    assert call(["alerts", "ack", "A1"]) == code
    assert capsys.readouterr().err == "hygeia: alert A1 is closed\n"


def test_the_list_says_plain_states_and_passes_its_filters(
    gateway: Gateway, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filters go to the API; a plain state is asked for at once; the table has the word, JSON the state."""
    monkeypatch.setenv("HYGEIA_LANG", "zh")
    line = "alerts list --state to_do --place out --severity major --from 2026-11-22T00:00"
    assert call(line.split()) == 0
    assert gateway.asked == [
        {"group": "to_do", "place": "out", "severity": "major", "from": "1795276800000", "limit": "1000"}
    ]
    assert "待处理" in capsys.readouterr().out
    assert call(["alerts", "list", "--json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert item["state"] == "active"
    assert {asked["state"] for asked in gateway.asked[1:]} == {
        *("pending", "active", "acknowledged", "returned", "latched", "shelved", "suppressed", "out_of_service"),
    }


def test_show_prints_steps_readings_records_and_who_was_told(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of many readings those around the beginning are printed; bytes are printed as text."""
    assert call(["alerts", "show", "A1"]) == 0
    out = capsys.readouterr().out
    for words in ("to do (active)", "Who was told", "p-7", "rule:gb5749-2022/chlorine-low", '{"chlorine_free": 0.1}'):
        assert words in out
    assert "40 more are in --json." in out
    assert "-1 " in out
    assert "-1.1 " not in out
    assert "candidates" not in out.lower()
    assert call(["alerts", "show", "A1", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["readings"]["items"]) == 60
    assert gateway.commands == []


def test_maintenance_is_opened_listed_and_closed(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    """Each says the session in one line; the list asks for open ones unless all are wanted."""
    assert call(["maintenance", "open", "wq-1", "--kind", "clean", "--for", "2h", "--comment", "probe"]) == 0
    assert call(["maintenance", "close", "wq-1"]) == 0
    assert gateway.commands == [
        ("maintenance.open", {"device": "wq-1", "kind": "clean", "for_ms": 7_200_000, "comment": "probe"}),
        ("maintenance.close", {"device": "wq-1"}),
    ]
    assert capsys.readouterr().out.splitlines() == [
        "wq-1: cleaning until 2026-11-22T10:00:00.000+08:00",
        "wq-1: cleaning is over, since 2026-11-22T08:00:00.000+08:00",
    ]
    gateway.asked.clear()
    assert call(["maintenance", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == [SESSION]
    assert call(["maintenance", "list", "--all"]) == 0
    assert "cleaning" in capsys.readouterr().out
    assert [asked.get("open") for asked in gateway.asked] == ["true", None]
