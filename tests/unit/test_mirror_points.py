"""The mirror's points: the line protocol of each measurement, and which of them are written again."""

from __future__ import annotations

import pytest

from gateway.mirror import points
from gateway.mirror.points import (
    AlertDay,
    DeviceFigures,
    ManifestFigures,
    Memory,
    PlaceFigures,
    Point,
    StoreFigures,
    UnitFigures,
    WasteDay,
)

AT = 1_795_276_800_000
HOUR = 3_600_000
DAY = 24 * HOUR

PLACE = PlaceFigures("out 1", "w", "gulou", "water_outlet", 3, 2, 32.06, 118.77, "出厂水", 'The "outlet"')
DEVICE = DeviceFigures(
    device="wq-1",
    kind="water",
    place="out",
    unit="w",
    district="gulou",
    online=True,
    heard_at=AT - 61_500,
    delay_ms=400,
    parked=3,
    in_work=False,
    certificate_until=AT + 3 * DAY + 1,
    calibrated_at=AT - 2 * DAY - 1,
)
STORE = StoreFigures("store", "hosp-1", "gulou", "sharps", 4, 5210, AT - 36 * HOUR, 1)
MANIFEST = ManifestFigures("M-1", "hosp-1", "gulou", "departed", 12, 40_210, AT - 2 * HOUR, AT - HOUR, None)
LINES = [
    (
        points.place(PLACE, AT),
        (
            "place,district=gulou,kind=water_outlet,place=out\\ 1,unit=w state=3.0,open_alerts=2.0,lat=32.06,"
            'lon=118.77,name_zh="出厂水",name_en="The \\"outlet\\"" 1795276800000000000'
        ),
    ),
    (
        points.device(DEVICE, AT),
        (
            "device_health,device=wq-1,district=gulou,kind=water,place=out,unit=w online=1.0,silent_s=61.5,delay_s=0.4,"
            "parked=3.0,in_work=0.0,certificate_days=3.0,calibrated_days=2.0 1795276800000000000"
        ),
    ),
    (
        points.unit(UnitFigures("hosp-1", "-", "hospital", "医院", "Hosp.", 4), AT),
        'unit,district=-,kind=hospital,unit=hosp-1 name_zh="医院",name_en="Hosp.",places=4.0 1795276800000000000',
    ),
    (
        points.waste_store(STORE, AT),
        (
            "waste_store,category=sharps,district=gulou,place=store,unit=hosp-1 containers=4.0,net_g=5210.0,"
            "oldest_h=36.0,overdue=1.0 1795276800000000000"
        ),
    ),
    (
        points.waste_day(WasteDay("hosp-1", "gulou", "sharps", AT, containers=2, collected=2, collected_g=3420)),
        (
            "waste_day,category=sharps,district=gulou,unit=hosp-1 containers=2.0,collected=2.0,stored=0.0,loaded=0.0,"
            "received=0.0,disposed=0.0,collected_g=3420.0,difference_g=0.0,tolerance_g=0.0,unconfirmed=0.0,"
            "exceptions=0.0 1795276800000000000"
        ),
    ),
    (
        points.manifest(MANIFEST, AT),
        (
            'manifest,district=gulou,manifest=M-1,unit=hosp-1 state="departed",containers=12.0,net_g=40210.0,'
            "confirmed=0.0,age_h=1.0 1795269600000000000"
        ),
    ),
    (
        points.alert_day(AlertDay("gulou", "major", "ph", AT, 3, 2, 1, 60_000, None, 1, 2)),
        (
            "alert_day,district=gulou,rule=ph,severity=major fired=3.0,acknowledged=2.0,in_time=1.0,ack_p50_s=60.0,"
            "closed=1.0,standing=2.0 1795276800000000000"
        ),
    ),
    (
        points.alert_load("", 10, None, AT),
        "alert_load,district=- fired=10.0,flood=1.0 1795276800000000000",
    ),
    (
        points.gateway("hygeia", {"journaled": 7, "memory": None, "broker": 1.0}, AT),
        "gateway,gateway=hygeia journaled=7.0,broker=1.0 1795276800000000000",
    ),
]


@pytest.mark.parametrize(("point", "line"), LINES, ids=[one.measurement for one, _ in LINES])
def test_a_point_is_one_line(point: Point, line: str) -> None:
    """Numbers become floats, texts strings, what is not known is left out, and no tag is empty."""
    assert point.line().decode() == line


def test_no_tag_of_a_measurement_has_the_name_of_a_field() -> None:
    """InfluxDB 3 refuses a column that is both."""
    for point, _ in LINES:
        assert not set(point.tags) & set(point.fields), point.measurement


def test_what_is_not_known_of_a_device_is_left_out() -> None:
    """A device that was never heard has neither silence nor delay, and one without a certificate no days."""
    unknown = DeviceFigures(
        device="t-1", kind="terminal", place="-", unit="-", district="-", online=False, heard_at=None, delay_ms=None,
        parked=0, in_work=False, certificate_until=None, calibrated_at=None,
    )  # fmt: skip

    known = {name for name, value in points.device(unknown, AT).fields.items() if value is not None}

    assert known == {"online", "parked", "in_work"}


@pytest.mark.parametrize(
    ("departed", "confirmed", "hours"),
    [(None, None, 2.0), (AT - HOUR, None, 1.0), (AT - HOUR, AT - HOUR // 2, 0.5), (None, AT - HOUR, 1.0)],
)
def test_the_age_of_a_manifest_runs_from_departure_to_confirmation(
    departed: int | None, confirmed: int | None, hours: float
) -> None:
    """Before it departs it is as old as its first event; confirmed, it ages no more; its time stays the same."""
    one = ManifestFigures("M-1", "h", "-", "open", 1, None, AT - 2 * HOUR, departed, confirmed)

    found = points.manifest(one, AT)

    assert (found.fields["age_h"], found.at) == (hours, AT - 2 * HOUR)


def _moment(at: int, **fields: float) -> Point:
    return Point("device_health", {"device": "a"}, {"online": 1.0, "silent_s": at / 1000, **fields}, at)


@pytest.mark.parametrize(
    ("minute", "whole", "fields", "written"),
    [
        (1, False, {}, 1),
        (2, False, {}, 0),  # only the silence is another
        (3, False, {"online": 0.0}, 1),
        (4, False, {"online": 0.0}, 0),
        (5, True, {"online": 0.0}, 1),
        (6, False, {"online": 0.0, "parked": 1.0}, 1),
    ],
)
def test_a_moment_is_written_when_it_changed_or_all_is(
    minute: int, whole: bool, fields: dict[str, float], written: int
) -> None:
    """The story of one device, minute after minute; fields that only drift with time are no change."""
    story: list[tuple[bool, dict[str, float]]] = [
        (False, {}), (False, {}), (False, {"online": 0.0}), (False, {"online": 0.0}), (True, {"online": 0.0}),
    ]  # fmt: skip
    memory = Memory()
    for at, (all_of_it, before) in enumerate(story[: minute - 1], 1):
        memory.now([_moment(at * 60_000, **before)], whole=all_of_it)

    assert len(memory.now([_moment(minute * 60_000, **fields)], whole=whole)) == written


def test_after_a_failure_all_is_written_anew() -> None:
    """What a request held that failed may or may not have arrived."""
    memory = Memory()
    moment, day = _moment(60_000), points.waste_day(WasteDay("h", "-", "sharps", AT))
    memory.now([moment], whole=False)
    memory.dated([day], whole=False)

    memory.forget()

    assert (memory.now([moment], whole=False), memory.dated([day], whole=False)) == ([moment], [day])


def test_a_day_is_written_when_it_changed_and_only_then() -> None:
    """A point with a time of its own does not come again with the others every five minutes."""
    memory = Memory()
    first, other = (points.waste_day(WasteDay("h", "-", "sharps", AT, containers=n)) for n in (1, 2))
    yesterday = points.waste_day(WasteDay("h", "-", "sharps", AT - DAY, containers=1))

    found = [memory.dated([one], whole=True) for one in (first, first, other, yesterday)]

    assert found == [[first], [], [other], [yesterday]]


def test_an_open_manifest_ages_only_when_all_is_written() -> None:
    """Its age is written every five minutes, not every minute, and a new state at once."""
    memory = Memory()

    def at(minutes: int, state: str = "departed") -> Point:
        one = ManifestFigures("M", "h", "-", state, 1, None, AT, AT, None)
        return points.manifest(one, AT + minutes * 60_000)

    written = [
        len(memory.dated([one], whole=whole))
        for one, whole in ((at(1), False), (at(2), False), (at(5), True), (at(6), False), (at(7, "received"), False))
    ]

    assert written == [1, 0, 1, 0, 1]


def test_old_days_are_forgotten() -> None:
    """What is known of days and trips does not grow without end."""
    memory = Memory()
    old, new = (points.waste_day(WasteDay("h", "-", "sharps", at)) for at in (AT - DAY, AT))
    memory.dated([old, new], whole=False)

    memory.forget_before(AT)

    assert memory.dated([old, new], whole=False) == [old]
