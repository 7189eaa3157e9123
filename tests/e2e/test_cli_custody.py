"""Containers at the command line, on an installation whose gateway does not run: what terminals sent, told for real."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from custody.epcis import faults
from gateway.cli import call
from gateway.clock import SystemClock
from gateway.installation import Installation
from gateway.journal.record import Kind, message_body, origin
from gateway.journal.writer import Entry, Journal
from tests.plugins.epcis import SchemaFaults
from tests.support.waste import MINUTE, WASTE

WEIGHT = {"gross_g": 3650, "tare_g": 230, "net_g": 3420, "scale": "bs-12", "stable": True, "mode": "scale"}


def write(folder: Path, events: list[tuple[str, dict[str, Any]]]) -> None:
    """Custody events of terminals as the intake would take them in, one after the other."""
    clock = SystemClock()
    journal = Journal.open(Installation(folder).journal, clock, min_free=1)
    for number, (device, event) in enumerate(events, 1):
        topic = f"hygeia/v1/_/{device}/up/event".encode()
        body = message_body(1, number, origin("mqtt", "test", "127.0.0.1", ""), topic, b"", json.dumps(event).encode())
        done: list[int] = []
        journal.submit([Entry(Kind.MESSAGE, clock.now_ms(), body)], done.append)
        assert journal.wait(journal.durable + 1 if not done else done[0], 10)
    journal.close()


@pytest.fixture(scope="module")
def waste(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation to which a bag came and was stored, and another one with control characters in its name."""
    folder = tmp_path_factory.mktemp("waste")
    file = folder / "registry.yaml"
    file.write_text(yaml.safe_dump(WASTE), encoding="utf-8")
    site = folder / "site"
    now = SystemClock().now_ms()
    bag: dict[str, Any] = {"ids": [{"k": "qr", "v": "MW-1"}]}
    badges = {"by": {"badge": "0412"}, "with": {"badge": "0101"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYGEIA_JOURNAL__MIN_FREE", "1MiB")
        assert call(["init", "--data-dir", str(site)]) == 0
        assert call(["registry", "import", str(file), "--data-dir", str(site)]) == 0
        plan = [
            ("T-ward", {"step": "collect", "weight": WEIGHT, "category": "infectious", **badges, **bag}),
            ("T-store", {"step": "store_in", "weight": WEIGHT, "by": {"badge": "0413"}, **bag}),
            ("T-ward", {"step": "pack", "ids": [{"k": "text", "v": "a/b\u001b[31m"}]}),
        ]
        events = [
            (device, {"id": f"E-{n}", "ts": now - (20 - n) * MINUTE, "seq": n, **event})
            for n, (device, event) in enumerate(plan)
        ]
        write(site, events)
    return site


class Site:
    """A copy of an installation; ``run`` is one command line on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def run(self, *arguments: object, code: int = 0) -> str:
        """Carry out one command line in this process; returns what it printed, an error's one line included."""
        done = call([*(str(argument) for argument in arguments), "--data-dir", str(self.folder)])
        captured = self._capsys.readouterr()
        assert done == code, captured.err
        assert captured.err.count("\n") == (code > 0), captured.err
        return captured.out or captured.err


@pytest.fixture
def site(waste: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Site:
    """A copy, in English."""
    monkeypatch.setenv("HYGEIA_LANG", "en")
    monkeypatch.setenv("HYGEIA_JOURNAL__MIN_FREE", "1MiB")
    capsys.readouterr()
    return Site(Path(shutil.copytree(waste, tmp_path / "site")), capsys)


def test_containers_are_listed_with_their_state(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a table in the language of the caller, and as one JSON document."""
    table = site.run("custody", "list")
    assert [line.split()[0] for line in table.splitlines()[:2]] == ["id", "MW-1"]
    assert "in store" in table
    items = json.loads(site.run("custody", "list", "--state", "stored", "--json"))["items"]
    assert [(item["id"], item["state"], item["net_g"]) for item in items] == [("MW-1", "stored", 3420)]
    assert [event["step"] for event in items[0]["events"]] == ["collect", "store_in"]
    monkeypatch.setenv("HYGEIA_LANG", "zh")
    assert "暂存中" in site.run("custody", "list")


def test_a_trace_is_a_tree(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times with offset, steps, places, badges with names for who may see them, weights, what is the matter."""
    lines = site.run("custody", "trace", "MW-1").splitlines()
    assert lines[0] == "MW-1  in store  infectious  3.420 kg"
    collected = next(line for line in lines if "hosp-1-store" not in line and "ward-7  0412" in line)
    assert (
        "+08:00  collected  ward-7  0412 + 0101  net 3.420 kg, gross 3.650 kg, tare 0.230 kg [bs-12]  seen" in collected
    )
    assert any("In the temporary store" in line for line in lines)
    monkeypatch.setenv("HYGEIA_LANG", "zh")
    assert "入库" in site.run("custody", "trace", "MW-1")


def test_a_trace_as_known_before_is_that_of_then(site: Site) -> None:
    """Before anything was received nothing was known: one line says so."""
    document = json.loads(site.run("custody", "trace", "MW-1", "--json"))
    received = document["events"][0]["received_at"]
    early = site.run("custody", "trace", "MW-1", "--as-known-at", received - 1, code=2)
    assert "not known then" in early
    then = json.loads(site.run("custody", "trace", "MW-1", "--as-known-at", received, "--json"))
    assert then["as_known_at"] == received
    assert "allowed" in site.run("custody", "trace", "MW-1", "--as-known-at", "then", code=2)
    assert "MW-7" in site.run("custody", "trace", "MW-7", code=2)


def test_an_id_of_any_text_is_traced_and_does_not_speak_to_the_terminal(site: Site) -> None:
    """Strokes are quoted on the way; control characters are shown as pictures."""
    shown = site.run("custody", "trace", "a/b\u001b[31m")
    assert "\u001b" not in shown
    assert "a/b␛[31m" in shown


def test_an_export_is_a_valid_document(site: Site, schema_faults: SchemaFaults) -> None:
    """Of one container and of a day."""
    out = site.folder / "bag.jsonld"
    assert site.run("custody", "export", "MW-1", "--out", out) == f"2 events written to {out}\n"
    document = json.loads(out.read_bytes())
    assert schema_faults(document) == []
    assert faults(document) == []
    day = document["epcisBody"]["eventList"][0]["eventTime"][:10]
    site.run("custody", "export", "--day", day, "--out", out)
    document = json.loads(out.read_bytes())
    assert len(document["epcisBody"]["eventList"]) >= 1
    assert schema_faults(document) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "x"], "name one container"),
        (["MW-1", "--day", "2026-01-01", "--out", "x"], "name one container"),
        (["--day", "today", "--out", "x"], "allowed: a day"),
        (["MW-1", "--out", "/proc/x/y"], "--out /proc/x/y"),
        (["MW-7", "--out", "{folder}/x"], "MW-7"),
    ],
)
def test_a_wrong_export_is_one_line(site: Site, arguments: list[str], words: str) -> None:
    """And exit code 2."""
    assert words in site.run("custody", "export", *(one.format(folder=site.folder) for one in arguments), code=2)
