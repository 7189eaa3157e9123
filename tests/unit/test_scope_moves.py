"""Where a device stood when a record came in decides who sees the record."""

from __future__ import annotations

from gateway.api.moves import Moves
from gateway.api.scope import EVERYTHING, Scope
from gateway.api.whereabouts import Whereabouts
from tests.plugins.fake_services import HOUR, NOW, FakeServices

FIRST = Scope(unit="hosp-1")
SECOND = Scope(unit="hosp-2")


def two_hospitals(services: FakeServices) -> int:
    """Two units with a place each and a device at the first; returns the offset of the record."""
    return services.register(
        units=[{"id": "hosp-1", "kind": "hospital"}, {"id": "hosp-2", "kind": "hospital"}],
        places=[
            {"id": "a", "unit": "hosp-1", "kind": "secondary_supply", "grid": "gulou"},
            {"id": "b", "unit": "hosp-2", "kind": "secondary_supply", "grid": "xuanwu"},
        ],
        devices=[{"id": "wq", "place": "a", "kind": "water"}],
    )


def moves_of(services: FakeServices) -> Moves:
    """As the API makes it."""
    return Moves(services.engine, Whereabouts(services.registry(), NOW))


def test_the_past_stays_with_the_unit_where_it_was_measured(services: FakeServices) -> None:
    """After a move the old unit sees what came before it, the new one what came after, neither the other's."""
    two_hospitals(services)
    moved = services.register(devices=[{"id": "wq", "place": "b", "kind": "water"}])
    moves = moves_of(services)
    assert moves.sees(FIRST, "wq", moved - 1, NOW)
    assert not moves.sees(FIRST, "wq", moved, NOW)
    assert not moves.sees(SECOND, "wq", moved - 1, NOW)
    assert moves.sees(SECOND, "wq", moved, NOW)
    assert moves.devices_of(FIRST) == moves.devices_of(SECOND) == ["wq"]


def test_periods_of_the_registry_file_count(services: FakeServices) -> None:
    """``from`` and ``to`` of a device decide by the time of the reading."""
    two_hospitals(services)
    periods = [
        {"id": "wq", "place": "a", "kind": "water", "to": NOW - HOUR},
        {"id": "wq", "place": "b", "kind": "water", "from": NOW - HOUR},
    ]
    offset = services.register(devices=[{"id": "wq", "periods": periods}])
    moves = moves_of(services)
    assert moves.sees(FIRST, "wq", offset + 1, NOW - 2 * HOUR)
    assert not moves.sees(FIRST, "wq", offset + 1, NOW)
    assert moves.sees(SECOND, "wq", offset + 1, NOW)
    assert moves.devices_of(FIRST) == ["wq"]


def test_a_place_that_changes_its_unit_takes_nothing_along(services: FakeServices) -> None:
    """A property sold to another unit keeps its past with the seller."""
    two_hospitals(services)
    sold = services.register(places=[{"id": "a", "unit": "hosp-2", "kind": "secondary_supply"}])
    moves = moves_of(services)
    assert moves.sees(FIRST, "wq", sold - 1, NOW)
    assert not moves.sees(SECOND, "wq", sold - 1, NOW)
    assert moves.sees(SECOND, "wq", sold, NOW)


def test_a_removed_device_keeps_its_past(services: FakeServices) -> None:
    """Its last place says who sees what it sent."""
    two_hospitals(services)
    removed = services.register(devices=["wq"])
    moves = moves_of(services)
    assert moves.devices_of(FIRST) == ["wq"]
    assert moves.devices_of(SECOND) == []
    assert moves.sees(FIRST, "wq", removed - 1, NOW)


def test_a_device_that_nobody_registered_is_for_those_who_see_everything(services: FakeServices) -> None:
    """It has no unit, so no scope covers it."""
    two_hospitals(services)
    moves = moves_of(services)
    assert moves.devices_of(EVERYTHING, device="stranger") == ["stranger"]
    assert moves.devices_of(FIRST, device="stranger") == []
    assert not moves.sees(FIRST, "stranger", 5, NOW)


def test_unit_and_grid_come_from_the_places_above(services: FakeServices) -> None:
    """Whereabouts and the registry's own rule agree for places without a unit of their own."""
    two_hospitals(services)
    services.register(
        places=[
            {"id": "a-ward", "parent": "a", "kind": "department"},
            {"id": "a-bed", "parent": "a-ward", "kind": "department"},
        ],
        devices=[{"id": "bed", "place": "a-bed", "kind": "store_climate"}],
    )
    where = Whereabouts(services.registry(), NOW)
    parts = services.registry().subject_parts("bed", NOW)
    assert where.devices["bed"] == ("a-bed", parts.unit, parts.grid) == ("a-bed", "hosp-1", "gulou")
    assert where.below("a") == {"a", "a-ward", "a-bed"}
