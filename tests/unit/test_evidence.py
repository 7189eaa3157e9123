"""Evidence gathered from a decided state: whole, checked by the verifier, with what is on file and missing."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.async_api import Route

from custody.evidence.verify import Check, Key, unpack
from custody.ledger.note import key_of
from gateway import state
from gateway.evidence import Evidence, NoEvidenceError
from gateway.journal.record import Kind
from tests.plugins.chromium import OpenPage
from tests.support.deciding import Decided, decided
from tests.support.evidence import ORIGIN, evidence_of, frontier_of, sign_head
from tests.support.waste import HOUR, MINUTE, WasteScript

KEY = Ed25519PrivateKey.from_private_bytes(b"\7" * 32)
VKEY = str(key_of(ORIGIN, KEY))
DAY = dt.date(2026, 2, 2)


class Story:
    """A chain, a container that waits, an alert; a day that ended; a signed head."""

    def __init__(self, folder: Path) -> None:
        script = WasteScript()
        script.open_city()
        script.chain("MW1", "MW2")
        script.event("T-ward", "collect", "MW3", category="sharps", by={"badge": "9999"}, weight={"net_g": 500})
        script.now += 30 * HOUR
        for _ in range(3):
            script.now += MINUTE
            script.other(Kind.TICK)
        self.now = script.now
        self.state: Decided = decided(folder, script)
        sign_head(self.state.engine, frontier_of(self.state.engine), KEY, script.now)
        self.evidence: Evidence = evidence_of(self.state, KEY)

    def alert_of(self, container: str) -> str:
        """The first alert about a container or an event of its."""
        rows = self.state.rows(state.alerts)
        return str(next(row["id"] for row in rows if row["point"] == container))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """One story for all tests, which only read."""
    return Story(tmp_path_factory.mktemp("story"))


def checked(data: bytes) -> Check:
    """The check with the ledger's key."""
    return Check(data, Key(VKEY), []).run()


def plain(page: bytes) -> str:
    """The words of a report."""
    return " ".join(re.sub(r"<[^>]*>", " ", page.decode()).split())


def test_the_bundle_of_a_container_holds_its_whole_history(story: Story) -> None:
    """What was done to its manifest and vehicle while it was in them too; nothing of the other container alone."""
    data = story.evidence.container("MW1", story.now, lambda _: True)
    found = checked(data)
    assert found.faults == []
    steps = [one["body"]["step"] for _, one in sorted(found.entries.items()) if one["kind"] == "custody"]
    assert steps == [
        *("collect", "store_in", "store_out", "load", "confirm"),
        *("depart", "arrive", "receive", "confirm", "dispose"),
    ]
    view = json.loads(unpack(data)["epcis.jsonld"])
    assert {one["mw:entry"] for one in view["epcisBody"]["eventList"]} == {
        index for index, one in found.entries.items() if one["kind"] == "custody"
    }
    assert {one["body"]["device"] for one in found.entries.values() if one["kind"] == "device_day"} == {
        *("T-ward", "T-store", "T-van", "T-plant")
    }


def test_the_same_state_at_the_same_time_gives_the_same_bytes(story: Story) -> None:
    """Nothing of a bundle depends on chance."""
    made = [story.evidence.container("MW1", story.now, lambda _: True) for _ in range(2)]
    assert made[0] == made[1]


def test_a_daily_list_pins_the_newest_entry_of_an_open_container(story: Story) -> None:
    """The verifier says so; whoever may not see the containers of others gets no list."""
    found = checked(story.evidence.container("MW3", story.now, lambda _: True))
    assert found.faults == []
    assert "nothing was left out at the end either" in "\n".join(found.words(0))
    narrow = checked(story.evidence.container("MW3", story.now, lambda _: True, whole=False))
    assert narrow.faults == []
    assert "no daily list under the signed head names it" in "\n".join(narrow.words(0))


def test_the_report_says_what_is_on_file_and_what_is_missing(story: Story) -> None:
    """Certificates, second badge, maintenance, notices, signatures, witness."""
    page = plain(unpack(story.evidence.container("MW3", story.now, lambda _: True))["report.html"])
    for words in (
        "no witness has signed the head",
        "the scale is not named",
        "no second badge",
        "1 events are not signed by their terminals",
        "nobody acknowledged it",
        "no maintenance on record in the 90 days before 2026-02-02",
        "the list of 2026-02-02 names entry",
        "device T-ward: 3 messages counted on 2026-02-02",
        "not destroyed yet",
        "没有见证方签署总哈希",
    ):
        assert words in page, words
    clean = plain(unpack(story.evidence.container("MW1", story.now, lambda _: True))["report.html"])
    assert "scale bs-12: no valid certificate on 2026-02-02" in clean
    assert "reviewed" in clean


def test_the_bundle_of_an_alert_has_its_steps_and_the_message_that_caused_it(story: Story) -> None:
    """And who was told."""
    name = story.alert_of("MW3")
    data = story.evidence.alert(name, story.now, sa.true())
    found = checked(data)
    assert found.faults == []
    kinds = {one["kind"] for one in found.entries.values()}
    assert "alert" in kinds
    assert "webhook" in plain(unpack(data)["report.html"])
    with pytest.raises(NoEvidenceError, match="there is nothing of alert:"):
        story.evidence.alert(name, story.now, sa.false())


def test_the_bundle_of_a_day_has_every_entry_of_it(story: Story) -> None:
    """From the first to the last, and the list with which the day ended."""
    found = checked(story.evidence.day(DAY, story.now))
    assert found.faults == []
    with story.state.engine.connect() as connection:
        whole = connection.execute(sa.select(sa.func.count()).select_from(state.ledger_entries)).scalar_one()
    assert len(found.entries) >= whole - 5
    assert {"heads", "device_day", "custody", "command"} <= {one["kind"] for one in found.entries.values()}
    with pytest.raises(NoEvidenceError, match="no entry of 2020-01-01"):
        story.evidence.day(dt.date(2020, 1, 1), story.now)


def test_what_is_not_there_or_not_seen_is_told_alike(story: Story) -> None:
    """Nobody learns by asking that a container of others exists."""
    with pytest.raises(NoEvidenceError, match="there is nothing of container:MW1"):
        story.evidence.container("MW1", story.now, lambda _: False)
    with pytest.raises(NoEvidenceError, match="there is nothing of container:nothing"):
        story.evidence.container("nothing", story.now, lambda _: True)


def test_without_a_signed_head_there_is_no_evidence(tmp_path: Path) -> None:
    """And the message says how long to wait."""
    script = WasteScript()
    script.open_city()
    script.event("T-ward", "collect", "MW1")
    evidence = evidence_of(decided(tmp_path, script), KEY)
    with pytest.raises(NoEvidenceError, match="one a minute"):
        evidence.container("MW1", script.now, lambda _: True)


def test_entries_after_the_head_are_faults_of_the_bundle(tmp_path: Path) -> None:
    """Where the notary may not sign they are in the bundle without a proof: it proves nothing then, and says so."""
    script = WasteScript()
    script.open_city()
    script.event("T-ward", "collect", "MW1")
    done = decided(tmp_path, script)
    sign_head(done.engine, frontier_of(done.engine), KEY, script.now)
    before = len(script.records)
    script.event("T-store", "store_in", "MW1")
    script.now += 30 * HOUR
    for _ in range(3):
        script.now += MINUTE
        script.other(Kind.TICK)
    done.decide(script.records[before:])
    data = evidence_of(done, KEY).container("MW1", script.now, lambda _: True)
    found = checked(data)
    assert {one["kind"] for one in found.faults} == {"uncovered"}
    assert len(found.faults) == sum(index >= found.note.size for index in found.entries)
    assert "no signed head covers the newest" in plain(unpack(data)["report.html"])


def test_the_head_is_signed_when_evidence_is_asked_for(tmp_path: Path) -> None:
    """No waiting for the next signature: what was read is covered, also where more is decided while it is signed."""
    script = WasteScript()
    script.open_city()
    script.event("T-ward", "collect", "MW1")
    done = decided(tmp_path, script)
    before = len(script.records)
    script.event("T-store", "store_in", "MW1")

    def cover() -> None:
        done.decide(script.records[before:])
        sign_head(done.engine, frontier_of(done.engine), KEY, script.now)

    data = evidence_of(done, KEY, cover).container("MW1", script.now, lambda _: True)
    found = checked(data)
    assert found.faults == []
    assert [one["body"]["step"] for one in found.entries.values() if one["kind"] == "custody"] == ["collect"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, story: Story) -> Path:
    """The report of a container that waits, as a file."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_bytes(unpack(story.evidence.container("MW3", story.now, lambda _: True))["report.html"])
    return file


@pytest.mark.chromium
@pytest.mark.asyncio(loop_scope="module")
async def test_the_report_loads_nothing_and_switches_its_language_without_a_script(
    report: Path, open_page: OpenPage
) -> None:
    """In a browser: no error, no request, one language or both."""
    page, watched = await open_page("about:blank")

    async def refuse(route: Route) -> None:
        watched.hosts.add("outside")
        await route.abort()

    await page.route("http*://**", refuse)
    await page.goto(report.as_uri())
    chinese, english = page.locator("h1 span[lang=zh]"), page.locator("h1 span[lang=en]")
    assert (await chinese.is_visible(), await english.is_visible()) == (True, True)
    await page.click("label[for=en]")
    assert (await chinese.is_visible(), await english.is_visible()) == (False, True)
    await page.click("label[for=zh]")
    assert (await chinese.is_visible(), await english.is_visible()) == (True, False)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert watched.errors == []
    assert "outside" not in watched.hosts
