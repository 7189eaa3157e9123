"""Real stations: no value that a real instrument gave is refused, and each arrives with its time and unit."""

from __future__ import annotations

import csv
import gzip
import itertools
import json
from pathlib import Path

import pytest

from devices.codecs import hygeia_json
from devices.codecs.times import compile_time
from devices.plan import compile_plan
from devices.registry import Change, Registry
from devices.series import Series

pytestmark = pytest.mark.shared

CANARY = {
    "B_CL2_VAL": ("chlorine_free", "mg/L"),
    "B_TURB_VAL": ("turbidity", "NTU"),
    "B_PH_VAL": ("ph", ""),
    "B_TOC_VAL": ("toc", "ppb"),
    "B_COND_VAL": ("conductivity", "uS/cm"),
    "B_TEMP_VAL": ("temperature", "degF"),
    "B_PRES_OP": ("pressure", "psi"),
    "B_PLNT_FLOW_OP": ("flow", "MGD"),
}
GECCO = {
    "Tp": ("temperature", "degC"),
    "Cl": ("chlorine_dioxide", "mg/L"),
    "pH": ("ph", ""),
    "Redox": ("orp", "mV"),
    "Leit": ("conductivity", "uS/cm"),
    "Trueb": ("turbidity", "NTU"),
    "Fm": ("flow", "m3/h"),
}


@pytest.mark.parametrize(
    ("file", "column", "form", "fields", "step"),
    [
        ("canary/Tutorial_Station_B.csv", "TimeStep", "%m/%d/%Y %H:%M:%S", CANARY, 1),
        ("gecco/gecco2018_train.csv.gz", "Time", "iso8601", GECCO, 20),
    ],
)
def test_every_value_of_a_real_station_is_accepted(  # noqa: PLR0917 - the columns of the table above
    shared: Path, file: str, column: str, form: str, fields: dict[str, tuple[str, str]], step: int
) -> None:
    """Every non-empty cell becomes one point, every empty one none."""
    channels = [{"parameter": name, "name": field, "unit": unit} for field, (name, unit) in fields.items()]
    registry = Registry()
    registry.apply([Change("devices", "s", {"id": "s", "earliest": 0, "channels": channels})], 0)
    plan, series, read_time = compile_plan(registry, "s", None), Series(), compile_time(form)
    sent = taken = 0
    path = shared / "data" / file
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        for record in itertools.islice(csv.DictReader(lines), 0, None, step):
            values = {field: record[field] for field in fields if record[field]}
            ts = read_time(record[column])
            assert ts is not None
            decoded = hygeia_json.decode(json.dumps({"ts": ts, "values": values}).encode(), plan, ts + 1000)
            assert not decoded.refusals
            if values:
                assert series.judge("s", decoded, ts + 1000).fate == "accepted"
            sent += len(values)
            taken += sum(len(row.values) for row in decoded.rows)
    assert sent == taken > 10_000
