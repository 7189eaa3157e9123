"""Whatever the registry holds, an export imports again to no changes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from devices.files import changes_of, read, write
from devices.files.tables import _list, _map, list_text, map_text
from devices.parameters import CATALOGUE, units_like
from devices.registry import KINDS, Change, Registry, split_private
from devices.sections import MODELS, body_of

#: Explaining a failure takes minutes where each example writes a workbook.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)

ids = st.from_regex(r"[A-Za-z0-9_.\-]{1,12}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), min_size=1, max_size=12).filter(
    lambda text: text.strip() != ""
)
names = texts | st.fixed_dictionaries({"zh": texts}, optional={"en": texts})
days = st.dates().map(lambda day: day.isoformat())
seconds = st.integers(1, 86_400)
#: A unit that is registered whenever somebody refers to it.
OWNER = "owner-of-all-labels"


@st.composite
def channels(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Channels of one device, told apart by parameter."""
    made = []
    for parameter in draw(st.lists(st.sampled_from(sorted(CATALOGUE)), max_size=4, unique=True)):
        entry = st.fixed_dictionaries(
            {"parameter": st.just(parameter)},
            optional={
                "point": ids,
                "unit": st.sampled_from(units_like(CATALOGUE[parameter].unit) or ["-"]),
                "report_s": seconds,
                "mode": st.sampled_from(["continuous", "sampled", "held"]),
                "range": st.tuples(st.floats(-1e6, 0), st.floats(1, 1e6)).map(list),
                "detection_limit": st.floats(0, 10),
                "serial": texts,
                "certificate": st.fixed_dictionaries({"number": texts}, optional={"until": days}),
            },
        )
        made.append(draw(entry))
    return made


@st.composite
def fields(draw: st.DrawFn) -> dict[str, str]:
    """The map of a source."""
    parameters = draw(st.lists(st.sampled_from(sorted(CATALOGUE)), min_size=1, max_size=4, unique=True))
    keys = draw(st.lists(texts.map(str.strip), min_size=len(parameters), max_size=len(parameters), unique=True))
    return dict(zip(keys, parameters, strict=True))


@st.composite
def ties(draw: st.DrawFn) -> list[dict[str, str]]:
    """The ids of one container, which no other one has."""
    number = draw(st.uuids())
    values = {"epc": f"35{number.hex[:21]}1".upper(), "qr": f"Q{number}", "text": f"{draw(texts).strip()}{number}"}
    kinds = draw(st.lists(st.sampled_from(sorted(values)), min_size=1, unique=True))
    return [{"k": kind, "v": values[kind]} for kind in kinds]


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    """Labels of ``OWNER``, with a prefix that no other range has."""
    first = draw(st.integers(0, 999))
    last = draw(st.integers(first, 9999))
    prefix = f"{draw(texts).strip()}{draw(st.uuids())}-"
    return {"unit": OWNER, "prefix": prefix, "first": first, "last": last, "digits": draw(st.integers(4, 18))}


ENTRIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "units": st.fixed_dictionaries(
        {"name": names, "kind": st.sampled_from(["waterworks", "hospital", "carrier"])},
        optional={
            "credit_code": texts,
            "beds": st.integers(0, 9999),
            "address": texts,
            "collection": st.fixed_dictionaries(
                {"every": st.sampled_from(["daily", "weekly", "call"])}, optional={"by": st.just("16:30")}
            ),
        },
    ),
    "places": st.fixed_dictionaries(
        {"kind": st.sampled_from(["network", "waste_store"])},
        optional={
            "name": names,
            "lat": st.floats(-72, 72).filter(bool),
            "lon": st.floats(-180, 180),
            "profile": ids,
            "disinfectant": st.sampled_from(["ozone", "none"]),
            "state": st.sampled_from(["trial", "accepted"]),
            "limits": st.fixed_dictionaries(
                {"parameter": st.sampled_from(["ph", "turbidity"]), "max": st.floats(1, 14), "reason": texts},
            ).map(lambda limit: [limit]),
        },
    ),
    "grid": st.fixed_dictionaries({"name": names}),
    "devices": st.fixed_dictionaries(
        {"kind": st.sampled_from(["water", "terminal"])},
        optional={"channels": channels(), "report_s": seconds, "earliest": days, "model": texts},
    ),
    "scales": st.fixed_dictionaries(
        {},
        optional={
            "division_g": seconds,
            "certificate": st.fixed_dictionaries({"number": texts}, optional={"from": days}),
        },
    ),
    "people": st.fixed_dictionaries(
        {"role": st.sampled_from(["officer", "driver"])},
        optional={
            "badge": texts,
            "name": names,
            "phone": texts,
            "channels": st.lists(ids, max_size=2, unique=True),
            "language": st.sampled_from(["zh", "en"]),
        },
    ),
    "vehicles": st.fixed_dictionaries({}, optional={"plate": texts, "tare_g": st.integers(0, 9_999_999)}),
    "containers": st.fixed_dictionaries(
        {"kind": st.sampled_from(["bin", "pallet", "trolley"]), "ids": ties()},
        optional={"name": names, "tare_g": st.integers(0, 99_999), "max_g": st.integers(1, 99_999)},
    ),
    "labels": ranges(),
    "calendars": st.fixed_dictionaries(
        {},
        optional={
            "weekdays": st.lists(st.integers(1, 7), max_size=3),
            "hours": st.lists(st.sampled_from(["08:00-12:00", "13:00-24:00"]), max_size=2),
            "holidays": st.lists(days, max_size=3),
        },
    ),
    "teams": st.fixed_dictionaries({"name": names}, optional={"rotate": st.none()}),
    "sources": st.fixed_dictionaries(
        {
            "filter": st.sampled_from(["a/+/b", "a/#", "x"]),
            "device": st.sampled_from(["topic[0]", "$.a.b"]),
            "map": fields(),
        },
        optional={
            "codec": st.just("json-map"),
            "time": st.fixed_dictionaries({"field": texts}, optional={"format": st.just("%Y%m%d %H:%M")}),
            "skip": st.lists(texts, max_size=3),
        },
    ),
}


@st.composite
def registries(draw: st.DrawFn) -> tuple[Registry, dict[str, dict[str, Any]]]:
    """A registry of valid entries, some with periods, and the private data of its people."""
    made, private = Registry(), {}
    changes = []
    for section in KINDS:
        for name in draw(st.lists(ids, max_size=3, unique=True)):
            raw = draw(ENTRIES[section]) | {"id": name}
            body = _body(section, raw)
            border = draw(st.none() | st.integers(-10_000_000_000, 4_000_000_000_000))
            if border is not None:
                later = _body(section, draw(ENTRIES[section]) | {"id": name, "from": border})
                body = {"id": name, "periods": [{**body, "to": border}, later]}
            changes.append(Change(section, name, body))
    people = [change for change in changes if change.kind == "people" and change.body]
    for change in people:
        private |= _split(change)
    if any(change.kind == "labels" for change in changes):
        changes.append(Change("units", OWNER, {"id": OWNER, "kind": "hospital"}))
    made.apply(changes, 0)
    return made, private


def _body(section: str, raw: dict[str, Any]) -> dict[str, Any]:
    return body_of(MODELS[section].model_validate(raw, context={"zone": "Asia/Shanghai"}))


def _split(change: Change) -> dict[str, dict[str, Any]]:
    assert change.body is not None
    change.body, private = split_private(change.body)
    return {change.id: private} if private else {}


@pytest.mark.parametrize(("zone", "language"), [("Asia/Shanghai", "zh"), ("America/St_Johns", "en")])
@settings(max_examples=8, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(data=registries())
def test_an_export_imports_again_to_no_changes(
    zone: str, language: str, data: tuple[Registry, dict[str, dict[str, Any]]]
) -> None:
    """YAML, XLSX and CSV hold all that the registry and the private table know, whatever zone and language."""
    registry, private = data
    for form in ("a.yaml", "a.xlsx", "a", "devices.csv"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / form
            write(registry, path, private=private, zone=zone, language="zh" if language == "zh" else "en")
            checked = read(path, registry, zone)
        assert [fault.line() for fault in checked.faults] == [], form
        assert changes_of(checked.document, registry) == [], form
        assert checked.document.private == private, form
        assert {kind: sorted(bodies) for kind, bodies in checked.document.entries.items()} == {
            kind: registry.ids(kind) for kind in KINDS if registry.ids(kind)
        }, form


@given(items=st.lists(texts.map(str.strip), min_size=1))
def test_a_list_in_a_cell_reads_back(items: list[str]) -> None:
    """Separators inside an item do not split it."""
    assert _list(list_text(items)) == items


@given(pairs=st.dictionaries(texts.map(str.strip), texts.map(str.strip), min_size=1))
def test_a_map_in_a_cell_reads_back(pairs: dict[str, str]) -> None:
    """Separators and equal signs inside keys and values stay there."""
    assert _map(map_text(pairs)) == pairs
