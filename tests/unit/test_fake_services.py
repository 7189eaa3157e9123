"""The services in memory keep the promises of the real ones."""

from __future__ import annotations

import pytest

from devices.reading import Row
from gateway import state
from gateway.api.services import Services
from gateway.store.base import Tags, Telemetry
from gateway.store.embedded import EmbeddedStore
from tests.plugins.fake_services import NOW, FakeServices


def test_the_fake_has_everything_that_services_have(services: FakeServices) -> None:
    """A method that is added to ``Services`` is missed here."""
    promised = {name for name in vars(Services) if not name.startswith("_")}
    assert promised <= set(dir(services))


def test_a_reading_becomes_the_newest_only_where_it_is(services: FakeServices) -> None:
    """A late one is stored and changes nothing that is live."""
    services.reading("d", "ph", 7.0, NOW)
    services.reading("d", "ph", 8.0, NOW - 1)
    services.reading("d", "ph", 9.0, NOW, point="p2")
    assert {(one.point, one.value) for one in services.latest("d")} == {("-", 7.0), ("p2", 9.0)}
    assert len(services.store.rows) == 3


def test_registering_makes_another_registry_and_keeps_every_version(services: FakeServices) -> None:
    """As decide does: readers keep what they had."""
    first = services.register(units=[{"id": "u", "kind": "hospital"}])
    before = services.registry()
    services.register(units=["u"])
    assert before.get("units", "u") is not None
    assert services.registry().get("units", "u") is None
    assert services.registry().version > first
    with services.engine.connect() as connection:
        assert len(connection.execute(state.registry.select()).all()) == 2


@pytest.mark.parametrize(("after", "limit"), [(-1, 3), (2, 2), (-1, 100), (5, 10)])
def test_the_store_in_memory_reads_like_the_embedded_one(services: FakeServices, after: int, limit: int) -> None:
    """The same order, bounds and pages."""
    real = EmbeddedStore(services.settings.data.dir / "readings.duckdb")
    real.open()
    rows = []
    for index in range(4):
        for point in ("b", "a"):
            row = Row(point, NOW + index // 2 * 60_000 + (point == "b"), ("ph", "chlorine_free"), [7.0 + index, 0.1])
            if index % 2 == 0:
                rows.append(row)
                for parameter, value in zip(row.parameters, row.values, strict=True):
                    services.reading("d", parameter, value, row.ts, point=point, received_at=NOW, offset=1)
    real.write([Telemetry(1, NOW, 1, Tags("d", "water"), rows)], 1)
    asked = {"device": "d", "point": None, "parameter": None, "start": NOW, "end": NOW + 60_001}
    wanted = real.read(**asked, limit=limit, after=after)  # type: ignore[arg-type]
    assert services.store.read(**asked, limit=limit, after=after) == wanted  # type: ignore[arg-type]
    real.close()
