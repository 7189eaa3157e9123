"""Writing the registry to YAML and CSV (workbooks: ``workbook.py``) so that importing it again changes nothing."""

from __future__ import annotations

import csv
import datetime as dt
import zoneinfo
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any, TextIO

import yaml

from devices.fields import DEFAULT_ZONE, instant_text
from devices.files.faults import Language
from devices.files.headings import ALWAYS, Column, columns_of, since_of
from devices.files.tables import list_text, map_text
from devices.files.words import SECTIONS_ZH
from devices.files.yamlfile import COORDINATES
from devices.registry import KINDS, Registry, periods_of
from devices.sections import SHEETS

#: What a reader adds by itself and a writer leaves out.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {"places": {"state": "accepted"}, "channels": {"point": "-"}}

Private = Mapping[str, Mapping[str, Any]]


def entries_to_write(registry: Registry, private: Private | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(section, entry) in the order of a registry file; ``private`` {person: data} is put back where it is given."""
    for section in KINDS:
        for name in registry.ids(section):
            for period in periods_of(registry.body(section, name)):
                also = (private or {}).get(name, {}) if section == "people" else {}
                defaults = _DEFAULTS.get(section, {})
                yield section, {key: value for key, value in {**period, **also}.items() if defaults.get(key) != value}


def write_yaml(registry: Registry, out: TextIO, *, private: Private | None = None, zone: str = DEFAULT_ZONE) -> None:
    """Write the whole registry as one YAML document.

    It says in which system its positions are, so that it is not taken for a map of another one.
    """
    document: dict[str, Any] = {}
    if any("lat" in period for name in registry.ids("places") for period in periods_of(registry.body("places", name))):
        document[COORDINATES] = "wgs84"
    for section, entry in entries_to_write(registry, private):
        plain: dict[str, Any] = _dated(entry, zone)
        if section == "devices" and "channels" in plain:
            plain["channels"] = [_without_defaults("channels", channel) for channel in plain["channels"]]
        document.setdefault(section, []).append(plain)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    yaml.dump(document, out, dumper, allow_unicode=True, sort_keys=False, width=120)


def _dated(value: Any, zone: str) -> Any:  # noqa: ANN401 - any JSON value
    """``value`` with its times as texts; the dates of certificates are texts already."""
    if isinstance(value, list):
        return [_dated(one, zone) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _moment(part, zone, utc=key == "earliest")
        if key in {"from", "to", "earliest"} and isinstance(part, int)
        else _dated(part, zone)
        for key, part in value.items()
    }


def _without_defaults(sheet: str, row: dict[str, Any]) -> dict[str, Any]:
    defaults = _DEFAULTS.get(sheet, {})
    return {key: value for key, value in row.items() if key not in defaults or defaults[key] != value}


def _moment(at: int, zone: str, *, utc: bool) -> str:
    """A time with its offset, so that it means the same in an installation with another zone."""
    if utc:
        return instant_text(at, dt.UTC)
    text = instant_text(at, zoneinfo.ZoneInfo(zone))
    return (
        text
        if "T" in text
        else (_EPOCH + dt.timedelta(milliseconds=at)).astimezone(zoneinfo.ZoneInfo(zone)).isoformat()
    )


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def tables_to_write(
    registry: Registry, private: Private | None, zone: str
) -> Iterator[tuple[str, tuple[Column, ...], list[list[Any]]]]:
    """(section, columns that are used, rows) of every section that has entries, and of the sheets of their lists."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for section, entry in entries_to_write(registry, private):
        rows.setdefault(section, []).append(entry)
        since = entry.get("from", ALWAYS if "to" in entry else None)
        for sheet, (of, key, owner, _) in SHEETS.items():
            if of == section:
                added = rows.setdefault(sheet, []) if key in entry else []
                belongs = {owner: entry["id"], since_of(owner): since}
                added += [{**_without_defaults(sheet, one), **belongs} for one in entry.get(key, ())]
    rows = rows or {"units": []}
    for section in SECTIONS_ZH:
        if section in rows or (section in SHEETS and SHEETS[section].section in rows):
            entries = rows.get(section, [])
            used = tuple(
                column
                for column in columns_of(section)
                if column.required or any(_at(entry, column) is not None for entry in entries)
            )
            yield section, used, [[_cell(entry, column, zone) for column in used] for entry in entries]


def _at(entry: dict[str, Any], column: Column) -> Any:  # noqa: ANN401 - any JSON value
    value: Any = entry
    for step in column.path:
        value = value.get(step) if isinstance(value, dict) else None
    return None if isinstance(value, dict) and column.shape != "map" else value


def _cell(entry: dict[str, Any], column: Column, zone: str) -> Any:  # noqa: ANN401 - text or number
    value = _at(entry, column)
    if value is None or (isinstance(value, int | float) and column.shape == "text"):
        return value
    if column.shape == "list":
        return list_text(value)
    if column.shape == "map":
        return map_text(value)
    if column.shape in {"time", "time_utc"} and value != ALWAYS:
        return _moment(value, zone, utc=column.shape == "time_utc")
    return str(value)


def title_of(section: str, language: Language) -> str:
    """The name of a section's sheet or file."""
    return SECTIONS_ZH[section] if language == "zh" else section


def write_csv(
    registry: Registry,
    folder: File,
    *,
    private: Private | None = None,
    zone: str = DEFAULT_ZONE,
    language: Language = "en",
) -> None:
    """Write one file a section into ``folder``, which is made; UTF-8 with BOM, as spreadsheets expect."""
    folder.mkdir(parents=True, exist_ok=True)
    for section, columns, rows in tables_to_write(registry, private, zone):
        with (folder / f"{title_of(section, language)}.csv").open("w", encoding="utf-8-sig", newline="") as out:
            writer = csv.writer(out)
            writer.writerow([column.heading(language) for column in columns])
            writer.writerows(rows)


def write_one_csv(registry: Registry, file: File, *, private: Private | None = None, zone: str = DEFAULT_ZONE) -> None:
    """Write everything into one file with a column ``section`` and English headings; UTF-8 with BOM."""
    tables = list(tables_to_write(registry, private, zone))
    headings = list(dict.fromkeys(column.en for _, columns, _ in tables for column in columns))
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.DictWriter(out, ["section", *headings])
        writer.writeheader()
        for section, columns, rows in tables:
            keys = ["section", *(column.en for column in columns)]
            writer.writerows(dict(zip(keys, [section, *row], strict=True)) for row in rows)
