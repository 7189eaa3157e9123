"""The command line on an installation whose gateway does not run."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gateway.cli import call
from gateway.client import RefusedError, open_door
from gateway.clock import SystemClock
from gateway.config import load
from gateway.installation import Installation
from gateway.journal.record import Kind, message_body, origin
from gateway.journal.writer import Entry, Journal

REGISTRY: dict[str, list[dict[str, Any]]] = {
    "units": [{"id": "wtp-1", "name": {"zh": "一水厂", "en": "Works 1"}, "kind": "waterworks"}],
    "places": [
        {"id": "out", "unit": "wtp-1", "name": {"zh": "出厂水", "en": "Outlet"}, "kind": "water_outlet",
         "grid": "gulou", "profile": "gb5749-2022", "disinfectant": "free_chlorine"},
    ],
    "grid": [{"id": "gulou", "name": {"zh": "鼓楼区", "en": "Gulou"}, "officers": ["p-7"]}],
    "devices": [{"id": "wq-1", "place": "out", "kind": "water", "channels": [{"parameter": "chlorine_free"}]}],
    "people": [
        {"id": "p-7", "badge": "0412", "unit": "wtp-1", "role": "officer", "name": "张三", "phone": "13800000000"},
    ],
}  # fmt: skip


class Ran(NamedTuple):
    """What one command left: exit code and both outputs."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output, which must be one JSON document."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Carry out one command line in this process, in English."""
    monkeypatch.setenv("HYGEIA_LANG", "en")
    monkeypatch.setenv("HYGEIA_JOURNAL__MIN_FREE", "1MiB")

    def run(*arguments: object) -> Ran:
        code = call([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two installations to be copied: ``new``, and ``registered`` with the registry of this module."""
    folder = tmp_path_factory.mktemp("originals")
    file = folder / "registry.yaml"
    file.write_text(yaml.safe_dump(REGISTRY, allow_unicode=True), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYGEIA_JOURNAL__MIN_FREE", "1MiB")
        assert call(["init", "--data-dir", str(folder / "new")]) == 0
        shutil.copytree(folder / "new", folder / "registered")
        assert call(["registry", "import", str(file), "--data-dir", str(folder / "registered")]) == 0
    return folder


@pytest.fixture
def folder(originals: Path, tmp_path: Path) -> Path:
    """A new installation."""
    return Path(shutil.copytree(originals / "new", tmp_path / "hygeia"))


@pytest.fixture
def registered(originals: Path, tmp_path: Path) -> Path:
    """An installation with the registry of this module."""
    return Path(shutil.copytree(originals / "registered", tmp_path / "hygeia"))


@pytest.fixture
def registry_file(originals: Path, tmp_path: Path) -> Path:
    """The registry of this module as YAML."""
    return Path(shutil.copy(originals / "registry.yaml", tmp_path))


def receive(folder: Path, *messages: tuple[str, bytes]) -> None:
    """Put messages into the journal as the intake would: (device, payload)."""
    journal = Journal.open(Installation(folder).journal, SystemClock(), min_free=1)
    clock = SystemClock()
    for number, (device, payload) in enumerate(messages, 1):
        topic = f"hygeia/v1/_/{device}/up/telemetry".encode()
        body = message_body(1, number, origin("mqtt", "test", "127.0.0.1", ""), topic, b"", payload)
        done: list[int] = []
        journal.submit([Entry(Kind.MESSAGE, clock.now_ms(), body)], done.append)
        assert journal.wait(journal.durable + 1 if not done else done[0], 10)
    journal.close()


def test_init_makes_an_installation_that_only_its_owner_reads(run: Run, tmp_path: Path) -> None:
    """Settings, keys and state are there, private, and the one-time password is printed."""
    ran = run("init", "--data-dir", tmp_path / "new")
    assert ran.code == 0
    assert "One-time password" in ran.out
    for name in ("hygeia.toml", "keys/installation.key", "keys/ledger.key"):
        assert stat.S_IMODE((tmp_path / "new" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700
    assert run("journal", "stat", "--config", tmp_path / "new" / "hygeia.toml", "--json").document["journaled"] == 0


def test_init_leaves_an_installation_alone(run: Run, folder: Path) -> None:
    """A second init exits 2, prints no password and changes no byte."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    ran = run("init", "--data-dir", folder)
    assert (ran.code, ran.out) == (2, "")
    assert "there is an installation already; nothing was changed" in ran.err
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_without_an_installation_is_not_made(run: Run, tmp_path: Path) -> None:
    """A misspelt data folder is one line that names it and exit code 2, and nothing is created."""
    ran = run("alerts", "list", "--data-dir", tmp_path / "misspelt")
    assert ran.code == 2
    assert f"{tmp_path / 'misspelt'}: no installation here" in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "misspelt").exists()


def test_a_registry_file_comes_back_as_it_went_in(run: Run, registered: Path, tmp_path: Path) -> None:
    """Import, export, import again: nothing new, and names of people are in the export but not in the journal."""
    exported = tmp_path / "out.yaml"
    told = run("registry", "export", "--out", exported, "--data-dir", registered)
    assert (told.code, told.out) == (0, f"{exported}: 5 entries written\n")
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    again = run("registry", "import", exported, "--data-dir", registered, "--json").document
    assert again == {"ok": True, "changes": {}, "faults": []}
    written = yaml.safe_load(exported.read_text("utf-8"))
    assert written["people"] == [{key: str(value) for key, value in REGISTRY["people"][0].items()}]
    journal = b"".join(file.read_bytes() for file in (registered / "journal").glob("*.seg"))
    assert b"0412" in journal
    assert "张三".encode() not in journal
    assert b"13800000000" not in journal


def test_importing_the_same_file_twice_writes_nothing(run: Run, registered: Path, registry_file: Path) -> None:
    """What is registered already makes no journal record."""
    before = run("journal", "fsck", "--data-dir", registered, "--json").document["records"]
    assert run("registry", "import", registry_file, "--data-dir", registered).code == 0
    assert run("journal", "fsck", "--data-dir", registered, "--json").document["records"] == before


def test_a_faulty_file_changes_nothing_and_comes_back_with_remarks(
    run: Run, registered: Path, registry_file: Path, tmp_path: Path
) -> None:
    """All faults at once with section, line and what is allowed, exit code 1, and the returned file says them too."""
    text = registry_file.read_text("utf-8").replace("kind: waterworks", "kind: waterwork").replace("- p-7", "- p-8")
    registry_file.write_text(text, encoding="utf-8")
    returned = tmp_path / "returned.yaml"
    ran = run("registry", "import", registry_file, "--remarks", returned, "--data-dir", registered)
    assert ran.code == 1
    assert "'waterwork'" in ran.err
    assert "'p-8'" in ran.err
    assert "waterwork" in returned.read_text("utf-8")
    kinds = run("registry", "list", "units", "--data-dir", registered, "--json").document["items"]
    assert [one["kind"] for one in kinds] == ["waterworks"]
    checked = run("registry", "check", registry_file, "--json")
    assert checked.code == 1
    assert {fault["value"] for fault in checked.document["faults"]} == {"waterwork", "p-8"}


def test_an_unknown_limit_profile_is_a_fault(run: Run, registered: Path, registry_file: Path) -> None:
    """Such a place would be judged by no limit: check, import and a change of the registry refuse it, by name."""
    text = registry_file.read_text("utf-8").replace("profile: gb5749-2022", "profile: gb5749")
    registry_file.write_text(text, encoding="utf-8")
    for ran in (
        run("registry", "check", registry_file),
        run("registry", "import", registry_file, "--data-dir", registered),
    ):
        assert ran.code == 1
        assert re.search(r"places, line \d+, column profile: 'gb5749' is not allowed; allowed: .*gb5749-2022", ran.err)
    place = {"kind": "places", "id": "out", "body": {**REGISTRY["places"][0], "profile": "gb5749"}}
    with (
        open_door(load(None, registered)) as door,
        pytest.raises(RefusedError, match=r"'gb5749' is not allowed; allowed: .*gb5749-2022"),
    ):
        door.command("registry.apply", {"changes": [place]})


def test_what_a_command_logs_is_not_in_its_answer(registered: Path, tmp_path: Path) -> None:
    """Warnings go to standard error and anything less nowhere, so ``--json`` stays one document."""
    program = (
        "import sys, structlog; from gateway.offline import Offline; from gateway.cli import call;"
        "was = Offline.report; log = structlog.get_logger();"
        "Offline.report = lambda self: (log.info('quiet'), log.warning('loud'), was(self))[2];"
        "sys.exit(call(sys.argv[1:]))"
    )
    arguments = ["journal", "stat", "--json", "--data-dir", str(registered)]
    environment = {**os.environ, "HYGEIA_JOURNAL__MIN_FREE": "1MiB"}
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, env=environment
    )
    assert json.loads(ran.stdout)["journaled"] == 0
    assert "loud" in ran.stderr
    assert "quiet" not in ran.stderr


def test_check_sees_what_is_registered_only_where_it_is_asked_to(run: Run, registered: Path, tmp_path: Path) -> None:
    """A device at a registered place is faulty by itself and right against the installation, which stays as it is."""
    file = tmp_path / "more.yaml"
    file.write_text("devices: [{id: wq-2, kind: water, place: out}]", encoding="utf-8")
    assert run("registry", "check", file).code == 1
    against = run("registry", "check", file, "--data-dir", registered, "--json")
    assert (against.code, against.document["changes"]) == (0, {"devices": 1})
    devices = run("registry", "list", "devices", "--data-dir", registered, "--json").document["items"]
    assert [one["id"] for one in devices] == ["wq-1"]


def test_sections_are_listed(run: Run, registered: Path) -> None:
    """A section is a table for people and one JSON document with items and next, also where it is empty."""
    for kind in ("places", "people", "vehicles"):
        document = run("registry", "list", kind, "--data-dir", registered, "--json").document
        assert document["next"] is None
        assert [one["id"] for one in document["items"]] == [one["id"] for one in REGISTRY.get(kind, [])]
    assert "out  Outlet  water_outlet  wtp-1" in run("registry", "list", "places", "--data-dir", registered).out
    assert run("registry", "list", "vehicles", "--data-dir", registered).out == "None.\n"
    assert "'units', 'places'" in run("registry", "list", "boats", "--data-dir", registered).err


def test_tables_speak_chinese_where_it_is_wanted(run: Run, registered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headings and names follow HYGEIA_LANG, and LANG where that is absent."""
    monkeypatch.setenv("HYGEIA_LANG", "zh")
    shown = run("registry", "list", "places", "--data-dir", registered).out
    assert "编号" in shown
    assert "出厂水" in shown
    monkeypatch.delenv("HYGEIA_LANG")
    monkeypatch.setenv("LC_ALL", "")
    monkeypatch.setenv("LC_MESSAGES", "")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "出厂水" in run("registry", "list", "places", "--data-dir", registered).out


def test_one_device_is_added_and_revoked(run: Run, registered: Path) -> None:
    """A device is registered once, refused with a wrong id or place, and gone after it was revoked."""
    added = run("registry", "add-device", "wq-2", "--place", "out", "--data-dir", registered)
    assert (added.code, added.out.splitlines()[0]) == (0, "device wq-2 is registered")
    assert "registered already" in run("registry", "add-device", "wq-2", "--data-dir", registered).err
    assert run("registry", "add-device", "wq/3", "--data-dir", registered).code == 2
    assert "'nowhere'" in run("registry", "add-device", "wq-3", "--place", "nowhere", "--data-dir", registered).err
    revoked = run("registry", "revoke-device", "wq-2", "--data-dir", registered)
    words = "device wq-2 is revoked; what it sends is parked from now on"
    assert (revoked.code, revoked.out.splitlines()[0]) == (0, words)
    assert "not registered" in run("registry", "revoke-device", "wq-2", "--data-dir", registered).err
    devices = run("registry", "list", "devices", "--data-dir", registered, "--json").document["items"]
    assert [one["id"] for one in devices] == ["wq-1"]


def test_what_came_in_is_counted_parked_and_redriven(run: Run, registered: Path) -> None:
    """A message of an unknown device is parked with its bytes, and decided again once the device is registered."""
    receive(registered, ("wq-9", b'{"ph": 7.1}'), ("wq-1", b'{"chlorine_free": 0.4}'), ("wq-1", b"no json"))
    report = run("journal", "stat", "--data-dir", registered, "--json").document
    assert (report["journaled"], report["parked"], report["published"]) == (3, 2, None)
    assert "Journaled" in run("journal", "stat", "--data-dir", registered).out
    parked = run("journal", "parked", "--data-dir", registered, "--json").document["items"]
    assert [one["reason"] for one in parked] == ["unknown_device", "not_json"]
    assert parked[0]["payload_b64"] == "eyJwaCI6IDcuMX0="
    only = run("journal", "parked", "--reason", "not_json", "--data-dir", registered).out
    assert "not_json" in only
    assert "unknown_device" not in only
    assert "+08:00" in only
    run("registry", "add-device", "wq-9", "--data-dir", registered)
    assert run("journal", "redrive", parked[0]["offset"], "--data-dir", registered, "--json").document["redriven"] == 1
    left = run("journal", "parked", "--data-dir", registered, "--json").document["items"]
    assert [one["reason"] for one in left] == ["not_json"]
    again = run("journal", "redrive", left[0]["offset"], parked[0]["offset"], "--data-dir", registered).out
    assert again == f"0 messages accepted, 1 still parked: not_json 1; not parked messages: {parked[0]['offset']}\n"


@pytest.mark.parametrize("arguments", [[], ["3", "--all"], ["--reason", "x", "--all"]])
def test_redrive_wants_exactly_one_choice(run: Run, folder: Path, arguments: list[str]) -> None:
    """None or two of offsets, reason and all are wrong use."""
    ran = run("journal", "redrive", *arguments, "--data-dir", folder)
    assert ran.code == 2
    assert "give one of OFFSET..., --reason R, --all" in ran.err


def test_two_bad_readings_are_an_alert_with_its_history(run: Run, registered: Path) -> None:
    """The alert is listed and shown with the message that caused it; a state it is not in lists nothing."""
    receive(registered, ("wq-1", b'{"chlorine_free": 0.01}'), ("wq-1", b'{"chlorine_free": 0.02}'))
    (alert,) = run("alerts", "list", "--data-dir", registered, "--json").document["items"]
    assert (alert["device"], alert["parameter"], alert["state"], alert["value"]) == (
        "wq-1",
        "chlorine_free",
        "active",
        0.02,
    )
    assert run("alerts", "list", "--state", "closed", "--data-dir", registered, "--json").document["items"] == []
    assert run("alerts", "list", "--all", "--data-dir", registered, "--json").document["items"] == [alert]
    shown = run("alerts", "show", alert["id"], "--data-dir", registered, "--json").document
    assert shown["transitions"][-1]["event"] == "fired"
    assert shown["transitions"][-1]["payload_b64"]
    assert "fired" in run("alerts", "show", alert["id"], "--data-dir", registered).out
    absent = run("alerts", "show", "nothing", "--data-dir", registered)
    assert absent.code == 2
    assert "there is no alert 'nothing'" in absent.err


def test_fsck_names_file_and_offset_of_a_flipped_byte(run: Run, registered: Path) -> None:
    """A sound journal exits 0; one flipped byte of any decided record, the last one too, exits 1 and is named."""
    receive(registered, ("wq-1", b'{"chlorine_free": 0.4}'))
    run("journal", "stat", "--data-dir", registered)
    sound = run("journal", "fsck", "--data-dir", registered, "--json")
    assert (sound.code, sound.document["faults"], sound.document["torn"]) == (0, [], None)
    (file,) = (registered / "journal").glob("*.seg")
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    ran = run("journal", "fsck", "--data-dir", registered)
    assert ran.code == 1
    assert f"{file}: record {sound.document['records'] - 1} at byte" in ran.out
    assert run("journal", "fsck", "--data-dir", registered, "--json").document["ok"] is False


def test_fsck_calls_a_torn_tail_no_fault(run: Run, registered: Path) -> None:
    """Half a record at the end is what a killed gateway leaves: named, exit code 0."""
    (file,) = (registered / "journal").glob("*.seg")
    with file.open("ab") as stream:
        stream.write(b"\x40\x00\x00\x00abc")
    ran = run("journal", "fsck", "--data-dir", registered)
    assert ran.code == 0
    assert "torn tail" in ran.out
