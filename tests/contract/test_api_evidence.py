"""Evidence over HTTP: a ZIP that the verifier accepts, for those who see its subject."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from custody.evidence.verify import Check, Key
from custody.ledger.note import key_of
from gateway import state
from gateway.installation import Installation
from gateway.journal.record import Kind
from tests.plugins.fake_services import FakeServices
from tests.plugins.http_caller import Caller, token_for
from tests.support.deciding import decided
from tests.support.evidence import ORIGIN, frontier_of, sign_head
from tests.support.waste import HOUR, MINUTE, WasteScript


@pytest.fixture
def story(services: FakeServices) -> FakeServices:
    """A container of hosp-1 with an alert, decided and signed."""
    folder = services.settings.data.dir
    script = WasteScript()
    script.open_city()
    script.event("T-ward", "collect", "MW1", category="sharps", by={"badge": "9999"})
    script.now += 30 * HOUR
    for _ in range(3):
        script.now += MINUTE
        script.other(Kind.TICK)
    done = decided(folder, script)
    installation = Installation(folder)
    installation.prepare()
    installation.create_keys()
    sign_head(done.engine, frontier_of(done.engine), installation.ledger_key(), script.now)
    services.engine.dispose()
    services.engine, services._registry, services.clock.now = done.engine, done.registry(), script.now
    return services


def vkey(services: FakeServices) -> Key:
    """The ledger's verifier key."""
    return Key(str(key_of(ORIGIN, Installation(services.settings.data.dir).ledger_key())))


def alerts(services: FakeServices) -> list[str]:
    """The ids of all alerts."""
    with services.engine.connect() as connection:
        return list(connection.execute(sa.select(state.alerts.c.id).order_by(state.alerts.c.id)).scalars())


@pytest.fixture
def subjects(story: FakeServices) -> list[str]:
    """What there is evidence of."""
    return ["container:MW1", f"alert:{alerts(story)[0]}", "day:2026-02-02"]


@pytest.fixture
def key(story: FakeServices) -> Key:
    """The ledger's verifier key."""
    return vkey(story)


async def test_a_bundle_of_each_subject_is_whole(caller: Caller, subjects: list[str], key: Key) -> None:
    """As a file to save, sealed by the ledger's key."""
    for subject in subjects:
        reply = await caller.get("/api/v1/evidence", of=subject)
        assert (reply.status, reply.header("content-type")) == (200, "application/zip")
        assert str(reply.header("content-disposition")).startswith('attachment; filename="')
        found = Check(reply.body, key, []).run()
        assert (found.faults, found.facts["subject"]) == ([], subject)


@pytest.mark.parametrize("subject", ["container:", "box:1", "day:2026-2", "day:yesterday", "MW1", "day:9999-99-99"])
async def test_what_is_no_subject_is_told_with_what_is_allowed(caller: Caller, subject: str) -> None:
    """One line with field, value and what is allowed."""
    reply = await caller.get("/api/v1/evidence", of=subject)
    assert reply.status == 422
    assert "container:ID, alert:ID or day:YYYY-MM-DD" in reply.json()["reason"]


@pytest.fixture
def stranger(story: FakeServices) -> str:
    """The token of a user of another unit."""
    return token_for(story, "unit_user", unit="plant-1")


async def test_another_unit_learns_nothing(caller: Caller, subjects: list[str], stranger: str) -> None:
    """Not even that the container or the alert exists; a day is for those who see everything."""
    caller.token = stranger
    found = [(await caller.get("/api/v1/evidence", of=subject)).status for subject in subjects]
    assert found == [404, 404, 403]


@pytest.fixture
def owner(story: FakeServices) -> str:
    """The token of a user of the unit that produced the container."""
    return token_for(story, "unit_user", unit="hosp-1")


async def test_the_own_unit_gets_its_evidence_without_lists_of_others(caller: Caller, owner: str, key: Key) -> None:
    """The daily list names the containers of everybody."""
    caller.token = owner
    reply = await caller.get("/api/v1/evidence", of="container:MW1")
    found = Check(reply.body, key, []).run()
    assert found.faults == []
    assert "heads" not in {one["kind"] for one in found.entries.values()}


@pytest.fixture
def keyless(story: FakeServices) -> FakeServices:
    """The ledger's key is gone."""
    (story.settings.data.dir / "keys" / "ledger.key").unlink()
    return story


async def test_without_the_key_nothing_is_sealed(keyless: FakeServices, caller: Caller) -> None:
    """And no path of the machine is told."""
    reply = await caller.get("/api/v1/evidence", of="container:MW1")
    assert reply.status == 503
    assert "/" not in reply.json()["reason"]
