"""``hygeia demo``: broker, simulator, gateway and pages in one command, and the count of what was lost or doubled."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import HYGEIA

#: DESIGN 4.3: what the report has at least.
KEYS = (
    *("published", "points_published", "journaled", "redelivered", "qos0", "stored", "parked", "repeated", "waiting"),
    *("points", "points_rejected", "points_conflict", "custody_events", "containers", "alerts_fired"),
    *("alerts_cleared", "notifications_sent", "ledger_size", "lost", "duplicated"),
)
#: Kinds of places without a sensor of water.
WASTE = {"department", "waste_store", "clinic", "collection_point", "vehicle", "disposal_plant"}
ADDRESS = re.compile(r"pages: (http://127\.0\.0\.1:\d+)")
FOLDER = re.compile(r"temporary data folder: (\S+)")


class Demo:
    """A running demo; ``said`` is its standard error so far."""

    def __init__(self, *arguments: str) -> None:
        self.began = time.monotonic()
        self.said = ""
        self._process = subprocess.Popen(
            [HYGEIA, "demo", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._heard = threading.Condition()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def heard(self, pattern: re.Pattern[str], within: float = 60) -> str:
        """The first group of ``pattern`` once it has said so."""
        with self._heard:
            came = self._heard.wait_for(lambda: pattern.search(self.said), within)
        assert came, self.said
        return came[1]

    def live(self) -> tuple[float, dict[str, Any]]:
        """Seconds from the start until the page shows a value of every water point, and what it shows then."""
        address = self.heard(ADDRESS)
        while True:
            with urllib.request.urlopen(f"{address}/api/v1/overview", timeout=10) as answer:
                overview: dict[str, Any] = json.loads(answer.read())
            took = time.monotonic() - self.began
            places = [one for one in overview["places"]["items"] if one["kind"] not in WASTE]
            if len(places) == 12 and all(one["channels"] for one in places):
                return took, overview
            assert took < 60, overview
            time.sleep(0.05)

    def quantities(self) -> set[str]:
        """What alerts are about, as the API said when it last answered."""
        address, found = self.heard(ADDRESS), set[str]()
        while True:
            try:
                with urllib.request.urlopen(f"{address}/api/v1/alerts?limit=500", timeout=10) as answer:
                    found = {one["parameter"] for one in json.loads(answer.read())["items"]}
            except OSError:
                return found
            time.sleep(0.1)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Exit code and standard output, when it has ended."""
        assert self._process.stdout is not None
        output = self._process.stdout.read()
        code = self._process.wait(60)
        self._thread.join(10)
        return code, output

    def kill(self) -> None:
        """Whatever is left of it."""
        self._process.kill()
        self._process.wait(10)
        for pipe in (self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            with self._heard:
                self.said += line
                self._heard.notify_all()


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Demo]]:
    """Start demos with it; in English, and ended with the test."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("LANGUAGE", "en")
    started: list[Demo] = []

    class Ended(Demo):
        def __init__(self, *arguments: str) -> None:
            super().__init__(*arguments)
            started.append(self)

    yield Ended
    for one in started:
        one.kill()


def assert_nothing_lost(report: dict[str, Any]) -> None:
    """The sums that must hold in any report."""
    assert set(KEYS) <= report.keys()
    assert (report["lost"], report["duplicated"], report["waiting"]) == (0, 0, 0)
    assert report["journaled"] == report["published"] > 0
    assert report["journaled"] == report["stored"] + report["parked"] + report["repeated"] + report["waiting"]
    assert report["points"] == report["points_published"] > 0


def test_the_demo_loses_and_doubles_nothing_and_raises_alerts(demo: type[Demo], tmp_path: Path) -> None:
    """In eight seconds, 80 simulated minutes, alerts of water fire and clear, none of waste; the page is soon live."""
    ran = demo("--seconds", "8", "--fast", "--report", str(tmp_path / "r.json"))
    folder = Path(ran.heard(FOLDER))
    assert folder.is_dir()
    took, overview = ran.live()
    quantities = ran.quantities()
    code, output = ran.end()
    report = json.loads((tmp_path / "r.json").read_text("utf-8"))

    assert code == 0, ran.said
    assert took < 20
    assert overview["followers"]["broker"]["state"] == "ok"
    assert json.loads(output) == report
    assert_nothing_lost(report)
    assert report["alerts_fired"] >= report["alerts_cleared"] >= 1
    assert min(report["custody_events"], report["containers"]) > 0
    assert quantities
    assert not any(one.startswith("custody.") for one in quantities)
    assert (report["points_rejected"], report["points_conflict"], report["parked"]) == (0, 0, 0)
    assert "[info" not in ran.said
    assert not folder.exists()


def test_ctrl_c_ends_the_demo_with_its_report(demo: type[Demo], tmp_path: Path) -> None:
    """Without ``--seconds`` it runs until stopped; its data stay where ``--data-dir`` says; a second one goes on."""
    folder = tmp_path / "data"
    reports = []
    for _ in range(2):
        ran = demo("--fast", "--data-dir", str(folder))
        ran.live()
        ran.interrupt()
        code, output = ran.end()
        assert code == 0, ran.said
        reports.append(json.loads(output))
        assert not (folder / "runtime.json").exists()
    first, second = reports
    assert_nothing_lost(first)
    assert (second["lost"], second["duplicated"]) == (0, 0)
    assert second["journaled"] == first["journaled"] + second["published"]
    assert second["points"] == first["points"] + second["points_published"]
    assert (folder / "readings.duckdb").exists()


def test_a_taken_port_ends_the_demo_with_one_line(demo: type[Demo], tmp_path: Path) -> None:
    """It says which port, leaves with 2, and no broker or gateway is left behind."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = demo("--seconds", "2", "--port", port, "--data-dir", str(tmp_path / "data"))
        code, output = ran.end()
    assert (code, output) == (2, "")
    (line,) = ran.said.splitlines()
    assert line.startswith("hygeia: ")
    assert port in line
