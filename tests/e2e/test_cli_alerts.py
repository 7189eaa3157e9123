"""Operators at the command line, on an installation whose gateway does not run: alerts and maintenance, for real."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from gateway.cli import call
from gateway.clock import SystemClock
from gateway.installation import Installation
from gateway.journal.record import Kind, message_body, origin
from gateway.journal.writer import Entry, Journal

REGISTRY: dict[str, list[dict[str, Any]]] = {
    "units": [{"id": "wtp-1", "name": {"zh": "一水厂", "en": "Works 1"}, "kind": "waterworks", "contacts": ["p-7"]}],
    "places": [
        {"id": "out", "unit": "wtp-1", "kind": "water_outlet", "profile": "gb5749-2022",
         "disinfectant": "free_chlorine"},
    ],
    "devices": [{"id": "wq-1", "place": "out", "kind": "water", "channels": [{"parameter": "chlorine_free"}]}],
    "people": [{"id": "p-7", "unit": "wtp-1", "role": "contact"}, {"id": "p-8", "unit": "wtp-1", "role": "head"}],
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


class Site:
    """An installation at which the chlorine is too low; ``run`` is one command line on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def run(self, *arguments: object) -> Ran:
        """Carry out one command line in this process."""
        code = call([*(str(argument) for argument in arguments), "--data-dir", str(self.folder)])
        captured = self._capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    def receive(self, *values: float) -> None:
        """Readings of chlorine as the intake would take them in, one after the other."""
        clock = SystemClock()
        journal = Journal.open(Installation(self.folder).journal, clock, min_free=1)
        for number, value in enumerate(values, 1):
            topic, payload = b"hygeia/v1/_/wq-1/up/telemetry", json.dumps({"chlorine_free": value}).encode()
            body = message_body(1, number, origin("mqtt", "test", "127.0.0.1", ""), topic, b"", payload)
            done: list[int] = []
            before = clock.now_ms()
            while clock.now_ms() == before:
                pass  # two readings of one time would be a conflict
            journal.submit([Entry(Kind.MESSAGE, clock.now_ms(), body)], done.append)
            assert journal.wait(journal.durable + 1 if not done else done[0], 10)
        journal.close()

    @property
    def alert(self) -> dict[str, Any]:
        """The only alert, in any state."""
        (item,) = self.run("alerts", "list", "--all", "--json").document["items"]
        return dict(item)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with the registry of this module, to be copied."""
    folder = tmp_path_factory.mktemp("original")
    file = folder / "registry.yaml"
    file.write_text(yaml.safe_dump(REGISTRY, allow_unicode=True), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYGEIA_JOURNAL__MIN_FREE", "1MiB")
        patch.setenv("HYGEIA_ALERTS__PACKS", "gb5749-2022")
        assert call(["init", "--data-dir", str(folder / "site")]) == 0
        assert call(["registry", "import", str(file), "--data-dir", str(folder / "site")]) == 0
    return folder / "site"


@pytest.fixture
def site(original: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Site:
    """A copy in which an alert has fired."""
    monkeypatch.setenv("HYGEIA_LANG", "en")
    monkeypatch.setenv("HYGEIA_JOURNAL__MIN_FREE", "1MiB")
    monkeypatch.setenv("HYGEIA_ALERTS__PACKS", "gb5749-2022")
    made = Site(Path(shutil.copytree(original, tmp_path / "site")), capsys)
    made.receive(0.1, 0.1, 0.1)
    return made


def test_an_alert_is_taken_handed_over_and_closed(site: Site) -> None:
    """Each step is one line with the new state; the history says who, why and with which file."""
    alert = site.alert
    assert (alert["rule"], alert["state"]) == ("chlorine-free-low", "active")
    name = alert["id"]
    about = f"{name} chlorine-free-low out wq-1 chlorine_free"
    assert site.run("alerts", "ack", name, "--by", "p-7").out == f"{about}: in hand, taken by p-7\n"
    assert site.run("alerts", "assign", name, "--to", "p-8").code == 0
    assert site.run("alerts", "comment", name, "--reason", "dosing pump restarted").code == 0
    report = site.folder.parent / "report.pdf"
    report.write_bytes(b"%PDF-1.7")
    done = site.run(
        *("alerts", "close", name, "--reason", "resolved", "--comment", "pump", "--file", report, "--by", "p-8"),
        "--json",
    ).document
    assert (done["state"], done["acknowledged_by"], done["assigned_to"]) == ("closed", "p-7", "p-8")
    shown = site.run("alerts", "show", name, "--json").document
    steps = [(one["event"], one["by"], one["reason"], one["comment"]) for one in shown["transitions"]]
    assert ("acknowledged", "person:p-7", "seen", "") in steps
    assert ("closed", "person:p-8", "resolved", "pump") in steps
    assert ("commented", "remark", "dosing pump restarted") in {(e, r, c) for e, _, r, c in steps}
    digest = hashlib.sha256(b"%PDF-1.7").hexdigest()
    assert [one["file"] for one in shown["transitions"] if one["event"] == "closed"] == [digest]


def test_a_shelved_alert_waits_and_comes_back(site: Site) -> None:
    """Put aside for two hours it says until when; taken back it is to do again; both are in the history."""
    name = site.alert["id"]
    assert ": put aside, until 20" in site.run("alerts", "shelve", name, "--for", "2h", "--reason", "filter").out
    assert site.alert["state"] == "shelved"
    assert site.run("alerts", "unshelve", name).out.endswith(": to do\n")
    out = site.run("alerts", "show", name).out
    assert "shelved_for_time" in out
    assert "by_hand" in out


def test_what_cannot_be_done_is_one_line(site: Site) -> None:
    """Closed twice by another, too long on the shelf, an unknown alert: refused in one line, with 1 or 2."""
    name = site.alert["id"]
    assert site.run("alerts", "unshelve", name).code == 1
    for arguments, words in (
        (("alerts", "shelve", name, "--for", "400d"), "for_ms"),
        (("alerts", "close", name, "--reason", "other"), "comment: missing; the reason other needs one"),
        (("alerts", "ack", "nobody"), "nobody"),
        (("maintenance", "close", "wq-1"), "no maintenance session is open for device wq-1"),
    ):
        ran = site.run(*arguments)
        assert ran.code in {1, 2}
        assert words in ran.err
        assert (ran.out, ran.err.count("\n")) == ("", 1)
    assert site.alert["state"] == "active"


def test_maintenance_holds_the_alerts_of_a_device(site: Site) -> None:
    """While somebody works on it the alert is suppressed; afterwards it is to do again."""
    opened = site.run("maintenance", "open", "wq-1", "--kind", "calibrate", "--for", "2h", "--by", "p-7")
    assert opened.out.startswith("wq-1: calibration until 20")
    assert site.alert["state"] == "suppressed"
    (session,) = site.run("maintenance", "list", "--json").document["items"]
    assert (session["device"], session["kind"], session["opened_by"]) == ("wq-1", "calibrate", "person:p-7")
    assert site.run("maintenance", "close", "wq-1").out.startswith("wq-1: calibration is over, since 20")
    assert site.run("maintenance", "list", "--json").document["items"] == []
    assert site.alert["state"] == "active"


def test_the_list_is_filtered_by_plain_state(site: Site) -> None:
    """An alert is listed under its plain state and under no other."""
    name = site.alert["id"]
    listed = {
        state: len(site.run("alerts", "list", "--state", state, "--json").document["items"])
        for state in ("to_do", "in_hand", "to_confirm", "more", "closed")
    }
    assert listed == {"to_do": 1, "in_hand": 0, "to_confirm": 0, "more": 0, "closed": 0}
    assert site.run("alerts", "list", "--place", "out", "--severity", "major").out.count(name) == 1
    assert site.run("alerts", "list", "--device", "wq-2").out == "None.\n"


def test_the_short_forms_do_what_is_meant(site: Site) -> None:
    """``assign --by`` alone takes it oneself, ``shelve`` alone is an hour, a reason in free words is a comment."""
    name = site.alert["id"]
    assert site.run("alerts", "assign", name, "--by", "p-8").out.endswith("assigned to p-8\n")
    before = site.run("alerts", "list", "--json").document["items"][0]
    shelved = site.run("alerts", "shelve", name, "--json").document
    steps = site.run("alerts", "show", name, "--json").document["transitions"]
    at = next(one["at"] for one in steps if one["event"] == "shelved")
    assert shelved["shelved_until"] == at + 3_600_000
    assert before["state"] == "active"
    assert site.run("alerts", "unshelve", name).code == 0
    out = site.run("alerts", "shelve", name).out
    assert "put aside, until 20" in out
    assert out.endswith(", for 1h as --for was not given\n")
    assert site.run("alerts", "close", name, "--reason", "pump was off", "--comment", "now on").code == 0
    steps = site.run("alerts", "show", name, "--json").document["transitions"]
    (closed,) = [one for one in steps if one["event"] == "closed"]
    assert (closed["reason"], closed["comment"]) == ("other", "pump was off; now on")


def test_what_is_printed_for_people_is_chinese(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Severity, state and parameter in the list, the history and the answers; never in JSON."""
    monkeypatch.setenv("HYGEIA_LANG", "zh")
    alert = site.alert
    assert (alert["severity"], alert["parameter"], alert["state"]) == ("major", "chlorine_free", "active")
    for arguments in (("alerts", "list"), ("alerts", "show", alert["id"])):
        out = site.run(*arguments).out
        table = out.split("依据的记录")[0]  # what devices sent stays as it was sent
        for word in ("重要", "待处理", "游离氯"):
            assert word in table
        for word in (" major", "chlorine_free ", " active"):
            assert word not in table
    assert " 游离氯：已搁置" in site.run("alerts", "shelve", alert["id"]).out


def test_a_span_without_records_is_one_line(site: Site) -> None:
    """Nothing is said of years in which there were no data, nor of 1970."""
    ran = site.run("rules", "backtest", "gb5749-2022", "--from", "2027-01-01T00:00:00Z")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.count("\n") == 1
    assert "there are no records from 2027-01-01T" in ran.err
    assert "1970" not in ran.err
