"""What stands in InfluxDB (docs/influx.md), as far as dashboards ask for it, and how much of it a city has.

The sizes are those of the city that panels are measured against: 2,000 places with a device of 6 parameters each, 800
units, 8 districts. A test compares names, tags and fields with what the gateway writes.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from devices.parameters import CATALOGUE

#: How many there are of each when nothing narrower is fixed, widest first: the first tag that a query fixes counts.
PLACES: Mapping[str, int] = {"device": 1, "place": 1, "unit": 5, "district": 250, "": 2_000}
UNITS: Mapping[str, int] = {"unit": 1, "place": 1, "district": 100, "": 800}
DISTRICTS: Mapping[str, int] = {"district": 1, "": 8}
ONE: Mapping[str, int] = {"": 1}


class Measurement(msgspec.Struct, frozen=True):
    """One measurement: its tags and fields, how many series there are of each subject, rows a series a day.

    ``times`` multiplies the series by a tag that is not the subject; ``raw`` marks readings as devices send them, whose
    flags and qualifiers are written only where there is something to say; ``searched`` is a field that is looked for
    without an index, so that the range has to be short.
    """

    tags: frozenset[str]
    fields: frozenset[str]
    subjects: Mapping[str, int]
    a_day: float
    times: Mapping[str, int] = {}
    raw: bool = False
    searched: str = ""


def _of(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Rows a day of the flag of a parameter.
FLAGS_A_DAY = 100
_READINGS = _of("device place unit district point")
_PARAMETERS = frozenset(CATALOGUE)
_RAW = Measurement(
    tags=_READINGS,
    fields=_PARAMETERS | {f"{name}_{end}" for name in _PARAMETERS for end in ("flag", "q")},
    subjects=PLACES,
    a_day=1440,
    raw=True,
)
_COUNTS = "due received valid judged compliant"
_WASTE_DAY = (
    "containers packed_g collected_g stored_g loaded_g received_g disposed_g difference_g unconfirmed exceptions"
    " collected stored loaded received disposed out_g tolerance_g"
)


def _periods(a_day: float) -> Measurement:
    return Measurement(
        tags=_READINGS | {"parameter"},
        fields=_of(f"{_COUNTS} min max mean sum low high"),
        subjects=PLACES,
        a_day=a_day,
        times={"parameter": 6},
    )


def _districts(a_day: float) -> Measurement:
    return Measurement(
        tags=_of("district kind parameter"),
        fields=_of(f"{_COUNTS} places"),
        subjects=DISTRICTS,
        a_day=a_day,
        times={"parameter": 12},
    )


_KINDS = ("water", "store_climate", "radiation")
MEASUREMENTS: Mapping[str, Measurement] = (
    dict.fromkeys(_KINDS, _RAW)
    | {f"{kind}_{window}": _periods(n) for kind in _KINDS for window, n in (("5m", 288), ("1h", 24), ("1d", 1))}
    | {f"district_{window}": _districts(n) for window, n in (("1h", 24), ("1d", 1))}
    | {
        # Eight scans a container, 40 containers a day of a place that has waste at all (1 in 3).
        "custody": Measurement(
            tags=_of("device place step category"),
            fields=_of("container event_id net_g gross_g tare_g group_net_g group_n"),
            subjects={"device": 1, "place": 1, "": 667},
            a_day=40,
            times={"step": 8, "category": 1},
            searched="container",
        ),
        "alert": Measurement(
            tags=_of("device point place rule severity state"),
            fields=_of("value limit_value alert_id"),
            subjects={"device": 1, "place": 1, "": 2_000},
            a_day=1,
        ),
        "place": Measurement(
            tags=_of("place unit district kind"),
            fields=_of("state open_alerts lat lon name_zh name_en"),
            subjects=PLACES,
            a_day=300,
        ),
        "device_health": Measurement(
            tags=_of("device place unit district kind"),
            fields=_of("online silent_s delay_s parked in_work certificate_days calibrated_days"),
            subjects=PLACES,
            a_day=300,
        ),
        "unit": Measurement(
            tags=_of("unit kind district"), fields=_of("name_zh name_en places"), subjects=UNITS, a_day=288
        ),
        "waste_store": Measurement(
            tags=_of("place unit district category"),
            fields=_of("containers net_g oldest_h overdue"),
            subjects=UNITS,
            a_day=288,
            times={"category": 5},
        ),
        "waste_day": Measurement(
            tags=_of("unit district category"), fields=_of(_WASTE_DAY), subjects=UNITS, a_day=1, times={"category": 5}
        ),
        "waste_district_day": Measurement(
            tags=_of("district category"),
            fields=_of(f"{_WASTE_DAY} units"),
            subjects=DISTRICTS,
            a_day=1,
            times={"category": 5},
        ),
        # A producer hands over every second day, a row a manifest.
        "manifest": Measurement(
            tags=_of("manifest unit district"),
            fields=_of("state containers net_g confirmed age_h"),
            subjects=UNITS,
            a_day=0.5,
        ),
        # A rule has one severity; twenty rules fire on a day.
        "alert_day": Measurement(
            tags=_of("district severity rule"),
            fields=_of("fired acknowledged in_time ack_p50_s ack_p95_s closed standing"),
            subjects=DISTRICTS,
            a_day=1,
            times={"rule": 20},
        ),
        "alert_load": Measurement(
            tags=_of("district"), fields=_of("fired open_alerts flood"), subjects=DISTRICTS, a_day=144
        ),
        "gateway": Measurement(
            tags=_of("gateway"),
            fields=_of(
                "journaled stored parked repeated waiting redelivered points decide_lag store_lag deliver_waiting"
                " disk_free memory ledger_size ledger_unsigned open_alerts broker"
            ),
            subjects=ONE,
            a_day=1440,
        ),
    }
)
