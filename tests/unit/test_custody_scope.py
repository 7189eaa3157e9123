"""Who sees a container: an event that somebody sends about it makes it nobody's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway import state
from gateway.api.custody_scope import seen, sees
from gateway.api.scope import Scope
from gateway.histories import histories_of
from gateway.journal.record import Kind
from tests.support.deciding import Decided, changes, decided
from tests.support.waste import MINUTE, WasteScript

OTHER = {
    "units": [{"id": "hosp-2", "kind": "hospital", "producer": "hospital"}],
    "places": [{"id": "h2-ward", "unit": "hosp-2", "kind": "department", "grid": "gulou", "state": "accepted"}],
    "devices": [{"id": "U-ward", "kind": "terminal", "place": "h2-ward"}],
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Decided:
    """A container of hosp-1 that went to the plant, and another hospital's terminal that read its label."""
    script = WasteScript()
    script.open_city()
    script.other(Kind.REGISTRY, changes=changes(OTHER))
    script.chain("MW1")
    script.event("U-ward", "inspect", "MW1")
    script.now += MINUTE
    script.other(Kind.TICK)
    return decided(Path(tmp_path_factory.mktemp("scope")), script)


@pytest.mark.parametrize(
    ("unit", "expected"), [("hosp-1", True), ("car-1", True), ("plant-1", True), ("hosp-2", False), ("nobody", False)]
)
def test_reading_a_label_shows_nobody_the_container(story: Decided, unit: str, expected: bool) -> None:
    """Producer, carrier and plant see it; whoever sent an event about it does not. Lists and single looks agree."""
    registry = story.registry()
    one = histories_of(story.engine, registry, story.fold.chain.profiles).container("MW1")
    assert one is not None
    assert sees(Scope(unit=unit), one, registry) is expected
    with story.engine.connect() as connection:
        query = sa.select(state.containers.c.id).where(seen(Scope(unit=unit), registry))
        assert (list(connection.execute(query).scalars()) == ["MW1"]) is expected
