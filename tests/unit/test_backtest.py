"""Rule packs tried over a CSV file and over a journal: the alerts that the gateway itself would have fired."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.cli import call
from gateway.clock import SystemClock
from gateway.installation import Installation
from gateway.journal.disk import Disk
from gateway.journal.record import Kind, message_body, origin
from gateway.journal.retention import retain
from gateway.journal.segment import listing
from gateway.journal.writer import Entry, Journal
from tests.support.recorded import Measured, write_map

#: 2026-11-22T00:00Z
START = 1_795_305_600_000
MINUTE = 60_000
PACK = """\
pack: trial
version: "1"
title: {zh: 试, en: trial}
rules:
  - id: ph-high
    title: {zh: 高, en: high}
    severity: major
    parameter: ph
    condition: {above: 8}
    count: 2
    source: a test
  - id: ph-absent
    title: {zh: 缺, en: absent}
    severity: warning
    parameter: ph
    condition: {absent: {intervals: 3, least: 5m}}
"""
MAP = """\
device: d-1
time: {column: t, format: unix_s, zone: UTC}
columns: {PH: {parameter: ph}}
report_s: 60
"""


class Tried:
    """``hygeia rules backtest`` on a pack, as the document of ``--json``."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        (folder / "trial.yaml").write_text(PACK, encoding="utf-8")
        (folder / "map.yaml").write_text(MAP, encoding="utf-8")

    def csv(self, *rows: tuple[float, float]) -> Path:
        """Readings of pH at so many minutes after the start."""
        file = self.folder / "data.csv"
        lines = [f"{(START + int(minute * MINUTE)) // 1000},{value}\n" for minute, value in rows]
        file.write_text("t,PH\n" + "".join(lines), encoding="utf-8")
        return file

    def __call__(self, pack: str | Path, *options: object) -> Any:
        """The outcome; the pack ``trial`` of this module where it is named so."""
        path = self.folder / "trial.yaml" if pack == "trial" else pack
        self._capsys.readouterr()
        code = call(["rules", "backtest", str(path), *(str(option) for option in options), "--json"])
        said = self._capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out)

    def over(self, *rows: tuple[float, float]) -> Any:
        """The pack ``trial`` over readings of pH."""
        return self("trial", "--csv", self.csv(*rows), "--map", self.folder / "map.yaml", "--data-dir", self.folder)


@pytest.fixture
def tried(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Tried:
    """A folder with a pack and a map."""
    monkeypatch.setenv("HYGEIA_LANG", "en")
    monkeypatch.setenv("HYGEIA_JOURNAL__MIN_FREE", "1MiB")
    monkeypatch.setenv("HYGEIA_ALERTS__PACKS", "gb5749-2022")
    return Tried(tmp_path, capsys)


def minutes(alerts: list[dict[str, Any]]) -> list[tuple[str, float, float, float | None]]:
    """(rule, since, fired, cleared) in minutes after the start."""

    def at(ms: int | None) -> float | None:
        return None if ms is None else round((ms - START) / MINUTE, 1)

    return [(one["rule"], at(one["since"]), at(one["fired_at"]), at(one["cleared_at"])) for one in alerts]  # type: ignore[misc]


def test_a_csv_tells_its_story_of_limits(tried: Tried) -> None:
    """Two high readings fire at the second, begin with the first, end with the first good one; a lone one is none."""
    found = tried.over((0, 7), (1, 9), (2, 7), (3, 9), (4, 9), (5, 9), (6, 7), (7, 7), (8, 9), (9, 9))
    assert minutes(found["alerts"]) == [("ph-high", 3, 4, 6), ("ph-high", 8, 9, None)]
    assert (found["count"], found["readings"], found["by_rule"][0]["longest_ms"]) == (2, 10, 3 * MINUTE)
    assert [day["alerts"] for day in found["per_day"]] == [2]
    assert (found["from"], found["to"]) == (START, START + 9 * MINUTE + 1)


def test_time_passes_between_the_rows_of_a_csv(tried: Tried) -> None:
    """Where rows are missing the absence fires within the gap, not at its end, and is over with the next row."""
    found = tried.over(*((minute, 7) for minute in range(20)), *((minute, 7) for minute in range(120, 125)))
    ((rule, _, fired, cleared),) = minutes(found["alerts"])
    assert rule == "ph-absent"
    assert 20 < fired < 40
    assert cleared == 120


def test_only_what_fires_in_the_time_asked_for_is_told(tried: Tried) -> None:
    """What began before is not told; readings are those of that time."""
    rows = ((0, 9), (1, 9), (2, 7), (10, 9), (11, 9), (12, 7), (13, 9), (14, 9))
    options = ("--csv", tried.csv(*rows), "--map", tried.folder / "map.yaml", "--data-dir", tried.folder)
    found = tried("trial", *options, "--from", START + 5 * MINUTE, "--to", START + 13 * MINUTE)
    assert [one[:3] for one in minutes(found["alerts"]) if one[0] == "ph-high"] == [("ph-high", 10, 11)]
    assert (found["readings"], found["parked"]) == (3, {})


def test_messages_that_are_not_taken_are_counted(tried: Tried, site: Path, tmp_path: Path) -> None:
    """A trial does not keep silent about what it could not judge."""
    copy = Path(shutil.copytree(site, tmp_path / "copy"))
    receive(copy, [7.0, 7.0], since=SystemClock().now_ms() - 5 * MINUTE, device="nobody")
    assert call(["journal", "stat", "--data-dir", str(copy)]) == 0
    assert tried("gb5749-2022", "--data-dir", copy)["parked"] == {"unknown_device": 2}


def test_a_pack_is_compared_with_the_one_in_force(tried: Tried) -> None:
    """A shipped pack with a limit moved: what fires less or more stands in the difference, under the same rule."""
    rows = [(minute, 8.6 if 10 <= minute < 20 else 7.0) for minute in range(30)]
    options = ("--csv", tried.csv(*rows), "--map", tried.folder / "map.yaml", "--data-dir", tried.folder)
    same = tried("gb5749-2022", *options)
    assert same["count"] == same["difference"]["both"] == same["present"]["count"] > 0
    assert same["present"]["packs"][0]["id"] == same["pack"]["id"] == "gb5749-2022"
    strict = tried("trial", *options)
    assert strict["count"] == len(strict["difference"]["only_here"]) == 1
    assert len(strict["difference"]["only_present"]) == same["count"]


def test_people_see_a_table_and_a_drawing(tried: Tried, capsys: pytest.CaptureFixture[str]) -> None:
    """Rules with counts and times, a bar a day, the list, and the comparison in one line."""
    file = tried.csv((0, 9), (1, 9), (2, 7), (1500, 9), (1501, 9), (1502, 7), (1503, 9), (1504, 9))
    arguments = ["rules", "backtest", tried.folder / "trial.yaml", "--csv", file, "--map", tried.folder / "map.yaml"]
    assert call([*(str(one) for one in arguments), "--data-dir", str(tried.folder)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("trial 1: 4 alerts from 2026-11-22T08:00")
    assert "2026-11-22* " in out
    assert "ph-high" in out
    assert "1m…" in out, "one stands at the end"
    assert "In force now (gb5749-2022" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trial", "--csv", "x.csv"], "--csv FILE and --map MAP belong together"),
        (["nowhere"], "there is no pack 'nowhere'; allowed: "),
        (["no.yaml"], "no.yaml: No such file"),
        (["bad.yaml"], "bad.yaml:1:"),
        (["gb5749-2022"], "no installation here"),
        (["gb5749-2022", "--from", "soon"], "--from 'soon': allowed: ISO 8601"),
        (["gb5749-2022", "--from", "2026-01-02", "--to", "2026-01-01"], "allowed: a time after --from"),
        (["gb5749-2022", "--csv", "x.csv", "--map", "no.yaml"], "--map no.yaml: no such file"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    tried: Tried, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """It says what is allowed; nothing is made."""
    (tried.folder / "bad.yaml").write_text("pack: x\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tried.folder)
        assert call(["rules", "backtest", *arguments, "--data-dir", str(tried.folder / "none")]) == 2
    assert words in capsys.readouterr().err
    assert not (tried.folder / "none").exists()


REGISTRY = {
    "places": [{"id": "out", "kind": "water_outlet", "profile": "gb5749-2022", "disinfectant": "free_chlorine"}],
    "devices": [{"id": "d-1", "place": "out", "kind": "water", "channels": [{"parameter": "ph"}]}],
}


def receive(site: Path, values: list[float], *, since: int, segment_bytes: int = 1 << 26, device: str = "d-1") -> None:
    """Readings of pH, one a minute of the device's clock, as the intake would take them in."""
    clock = SystemClock()
    journal = Journal.open(Installation(site).journal, clock, min_free=1, segment_bytes=segment_bytes)
    where, topic = origin("mqtt", "test", "127.0.0.1", ""), f"hygeia/v1/_/{device}/up/telemetry".encode()
    for number, value in enumerate(values):
        payload = json.dumps({"ts": since + number * MINUTE, "values": {"ph": value}}).encode()
        body = message_body(1, number + 1, where, topic, b"", payload)
        done: list[int] = []
        journal.submit([Entry(Kind.MESSAGE, clock.now_ms(), body)], done.append)
        assert journal.wait(journal.durable + 1 if not done else done[0], 10)
    journal.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that has decided readings of pH: good, too high, good again."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "registry.yaml").write_text(yaml.safe_dump(REGISTRY), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYGEIA_JOURNAL__MIN_FREE", "1MiB")
        patch.setenv("HYGEIA_ALERTS__PACKS", "gb5749-2022")
        site = folder / "site"
        assert call(["init", "--data-dir", str(site)]) == 0
        assert call(["registry", "import", str(folder / "registry.yaml"), "--data-dir", str(site)]) == 0
        receive(site, [7.0] * 5 + [9.3] * 5 + [7.0] * 20, since=SystemClock().now_ms() - 3_600_000)
        assert call(["journal", "stat", "--data-dir", str(site)]) == 0
    return site


def test_a_trial_of_the_present_pack_fires_what_the_gateway_fired(
    tried: Tried, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Over its own journal the pack in force gives the alerts of the state, and the installation is not touched."""
    assert call(["alerts", "list", "--all", "--json", "--data-dir", str(site)]) == 0
    fired = json.loads(capsys.readouterr().out)["items"]
    assert fired
    before = {path: path.read_bytes() for path in (site / "journal").iterdir()}
    found = tried("gb5749-2022", "--data-dir", site)
    keys = ("rule", "pack", "severity", "place", "device", "point", "parameter", "since", "fired_at", "cleared_at")
    told = sorted(tuple(one[key] for key in keys) for one in fired if one["state"] != "pending")
    assert sorted(tuple(one[key] for key in keys) for one in found["alerts"]) == told
    assert found["readings"] == 30
    assert {path: path.read_bytes() for path in (site / "journal").iterdir()} == before


def test_a_trial_runs_beside_a_process_that_holds_the_folder(tried: Tried, site: Path, tmp_path: Path) -> None:
    """The lock is not needed: the gateway may run."""
    copy = Path(shutil.copytree(site, tmp_path / "copy"))
    with Installation(copy).lock():
        assert tried("gb5749-2022", "--data-dir", copy)["readings"] == 30


def test_a_new_pack_is_tried_over_the_journal(tried: Tried, site: Path) -> None:
    """Its alerts are there, those of the pack in force stand in the difference."""
    found = tried("trial", "--data-dir", site)
    assert "ph-high" in {one["rule"] for one in found["alerts"]}
    assert found["difference"]["only_present"]


def test_the_registry_is_known_where_the_journal_does_not_hold_it_any_more(
    tried: Tried, site: Path, tmp_path: Path
) -> None:
    """Of a journal whose beginning was removed the rest is tried with the registry of then."""
    copy = Path(shutil.copytree(site, tmp_path / "copy"))
    now = SystemClock().now_ms()
    receive(copy, [9.5] * 4, since=now - 10 * MINUTE, segment_bytes=300)
    assert call(["journal", "stat", "--data-dir", str(copy)]) == 0
    kept = listing(Installation(copy).journal)
    retain(Installation(copy).journal, Disk(), safe=kept[-2].first, keep_days=0, now=now + 86_400_000)
    left = listing(Installation(copy).journal)
    assert left[0].first > 0
    found = tried("gb5749-2022", "--data-dir", copy)
    (alert,) = found["alerts"]
    assert (alert["rule"], alert["place"], alert["value"]) == ("ph-outside", "out", 9.5)
    assert 2 <= found["readings"] <= 4


@pytest.mark.shared
def test_the_dead_sensor_of_a_real_station_is_found(tried: Tried, shared: Path) -> None:
    """Of 86,364 recorded values the 30 days without chlorine are one alert; the plant's pH of 4 is another."""
    mapping = write_map(
        tried.folder / "canary.yaml",
        [Measured("B_CL2_VAL", "chlorine_free", "B", "mg/L"), Measured("B_PLNT_PH_VAL", "ph", "plant", "pH")],
        device="canary-b",
        time={"column": "TimeStep", "format": "%m/%d/%Y %H:%M:%S", "zone": "America/New_York"},
    )
    data = shared / "data" / "canary" / "Tutorial_Station_B.csv"
    found = tried("gb5749-2022", "--csv", data, "--map", mapping, "--data-dir", tried.folder)
    (low,) = [one for one in found["alerts"] if one["rule"] == "chlorine-free-low"]
    assert (low["until"] - low["since"]) / 86_400_000 == pytest.approx(30, abs=0.3)
    assert next(one["value"] for one in found["alerts"] if one["rule"] == "ph-outside") == 4.0
