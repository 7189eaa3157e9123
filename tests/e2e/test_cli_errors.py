"""What a user sees when something is wrong: one line a fault, the right exit code, never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gateway.cli.alerts
from gateway.cli import COMMANDS, build, call
from gateway.installation import Installation

SIMULATE = ["simulate", "--seconds", "1", "--broker"]
HYGEIA = [sys.executable, "-m", "gateway.cli"]


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """``--version`` prints name and version and exits 0."""
    assert call(["--version"]) == 0
    assert capsys.readouterr().out.startswith("hygeia 0.")


def test_every_command_is_there_and_helps(capsys: pytest.CaptureFixture[str]) -> None:
    """The help lists all commands, and each of them can be asked for help."""
    assert call(["--help"]) == 0
    listed = capsys.readouterr().out
    for name in COMMANDS:
        assert f"  {name} " in listed
        assert call([name, "--help"]) == 0
        assert "Usage: hygeia" in capsys.readouterr().out
    assert len(build().registered_commands) + len(build().registered_groups) == len(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["alerts", "nosuch"], "No such command 'nosuch'"),
        (["alerts", "list", "--state", "bad"], "'bad' is not one of 'pending', 'active'"),
        (["alerts", "show"], "Missing argument 'ID'"),
        (["journal", "redrive", "x", "--all"], "'OFFSET...': Input should be a valid integer"),
        (["run", "--confg", "x"], "No such option: --confg"),
        (["registry", "check", "/no/such/file.yaml"], "/no/such/file.yaml: no such file; allowed: YAML"),
        (["run", "--config", "/no/such.toml"], "/no/such.toml: No such file or directory"),
        (["demo", "--report", "/nope/r.json"], "--report /nope/r.json: No such file or directory"),
        ([*SIMULATE, "mqtt://127.0.0.1:1", "--report", "/nope/r.json"], "--report /nope/r.json: No such file"),
        ([*SIMULATE, "mqtt://127.0.0.1:1", "--registry-out", "/nope/x"], "--registry-out /nope/x: No such file"),
        ([*SIMULATE, "x"], "--broker: must begin with mqtt://"),
        (["replay", "x.csv", "--map", "/nope.yaml", "--broker", "x"], "--map /nope.yaml: no such file"),
    ],
)
def test_wrong_use_is_one_line_and_exits_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelt command, option, value or file is named on one line of standard error."""
    assert call(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err
    assert captured.err.startswith("hygeia: ")
    assert captured.err.count("\n") == 1


def test_a_wrong_broker_of_a_replay_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The option is named, not a key of the settings that nobody wrote."""
    file = tmp_path / "map.yaml"
    file.write_text("{device: d, time: {column: t, format: iso8601}, columns: {ph: {parameter: ph}}}", "utf-8")
    assert call(["replay", "x.csv", "--map", str(file), "--broker", "x"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("hygeia: --broker: must begin with mqtt://")
    assert err.count("\n") == 1


def test_a_wrong_configuration_lists_all_faults_before_anything_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three faults are three lines and exit code 2, and the folder is left as it was."""
    file = tmp_path / "hygeia.toml"
    file.write_text('mqtt.url = "http://me:s3cret@h"\nmqtt.ulr = 1\njournal.keep_days = 0\n', encoding="utf-8")
    assert call(["run", "--data-dir", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == ["mqtt.ulr", "journal.keep_days", "mqtt.url"]
    assert "s3cret" not in " ".join(lines)
    assert list(tmp_path.iterdir()) == [file]


def test_a_bug_is_one_line_that_names_where_the_details_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen exception prints no traceback and none of its data; both are in a file of this user only."""

    def broken(*_: object) -> None:
        raise KeyError("s3cret")

    monkeypatch.setattr(gateway.cli.alerts, "load", broken)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert call(["alerts", "list"]) == 1
    err = capsys.readouterr().err
    (kept,) = tmp_path.iterdir()
    assert err == f"hygeia: this is a bug (KeyError); details are in {kept}, please report it\n"
    assert "s3cret" in kept.read_text("utf-8")
    assert kept.stat().st_mode & 0o077 == 0


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """``hygeia … | head`` leaves quietly: nothing on standard error."""
    with subprocess.Popen([*HYGEIA, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) in {1, 141}


def test_ctrl_c_is_no_error(tmp_path: Path) -> None:
    """A command that waits for a folder in use ends at SIGINT with 130 and without a word."""
    installation = Installation(tmp_path)
    installation.settings_file.touch()
    program = (
        "import signal, sys; from gateway import client; from gateway.cli import call;"
        # A test run in the background inherits an ignored SIGINT.
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "client.time.sleep = lambda _: signal.raise_signal(signal.SIGINT);"
        "sys.exit(call(sys.argv[1:]))"
    )
    with installation.lock():
        ran = subprocess.run(
            [sys.executable, "-c", program, "alerts", "list", "--data-dir", str(tmp_path)],
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, b"", b"")
