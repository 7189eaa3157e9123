"""Registry files: YAML, CSV and XLSX in and out, with every fault at once and a returned file with remarks.

checked = read(path, current)          # Checked: document, faults, mapping
changes = changes_of(checked.document, current)

What knows workbooks is loaded when it is needed: their library takes a third of a second that no gateway needs.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from devices.fields import DEFAULT_ZONE
from devices.files.check import Checked, Document, changes_of, check
from devices.files.csvfile import read_csv
from devices.files.faults import Fault, Language
from devices.files.mapfile import MapFile
from devices.files.raw import Raw
from devices.files.write import write_csv, write_one_csv, write_yaml
from devices.files.yamlfile import read_yaml
from devices.registry import Registry

__all__ = [
    "Checked",
    "Document",
    "Fault",
    "Language",
    "MapFile",
    "changes_of",
    "read",
    "write",
    "write_remarks",
    "write_template",
]

_SUFFIXES = ".yaml, .yml, .json, .csv, .xlsx or a folder of CSV files"


def read(
    path: Path,
    current: Registry | None = None,
    zone: str = DEFAULT_ZONE,
    profiles: Collection[str] | None = None,
    coordinates: str = "",
) -> Checked:
    """Read and judge a registry or map file against itself and what is registered in ``current``.

    Never raises for what a file holds: the faults say it. ``zone`` is that of dates without a time of day,
    ``profiles`` the limit profiles that a place may name (None = any), ``coordinates`` the system of the file's
    positions (``devices.coordinates.SYSTEMS``; empty: what the file says under ``coordinates``, else WGS-84).
    """
    try:
        raw = _raw(path)
    except OSError as error:
        raw = Raw(faults=[Fault(path.name, 0, "", "", "unreadable", error.strerror or str(error))])
    return check(raw, current, zone, profiles, coordinates)


def _raw(path: Path) -> Raw:
    suffix = path.suffix.lower()
    if path.is_dir() or suffix == ".csv":
        return read_csv(path)
    if suffix == ".xlsx":
        from devices.files.xlsx import read_xlsx  # noqa: PLC0415 - see the module's docstring

        return read_xlsx(path)
    if suffix in {".yaml", ".yml", ".json"}:
        return read_yaml(path)
    return Raw(faults=[Fault(path.name, 0, "", suffix, "choice", _SUFFIXES)])


def write(
    registry: Registry,
    path: Path,
    *,
    private: dict[str, dict[str, object]] | None = None,
    zone: str = DEFAULT_ZONE,
    language: Language = "zh",
) -> None:
    """Export the registry: YAML, XLSX, one CSV file, or (a path without a suffix) a folder of CSV files.

    ``private`` puts names and numbers of people back in. Raises ValueError for another suffix, OSError.
    """
    suffix = path.suffix.lower()
    if suffix in {".yaml", ".yml"}:
        with path.open("w", encoding="utf-8") as out:
            write_yaml(registry, out, private=private, zone=zone)
    elif suffix == ".xlsx":
        from devices.files.workbook import write_xlsx  # noqa: PLC0415 - likewise

        write_xlsx(registry, path, private=private, zone=zone, language=language)
    elif suffix == ".csv" and not path.is_dir():
        write_one_csv(registry, path, private=private, zone=zone)
    elif suffix == "" or path.is_dir():
        write_csv(registry, path, private=private, zone=zone, language=language)
    else:
        raise ValueError(f"{path.name}: export to .yaml, .xlsx, .csv or a folder for CSV files")


def write_remarks(source: Path, out: Path, faults: list[Fault], language: Language | None = None) -> None:
    """See ``devices.files.remarks``."""
    from devices.files import remarks  # noqa: PLC0415 - likewise

    remarks.write_remarks(source, out, faults, language)


def write_template(path: Path, *, language: Language = "zh") -> None:
    """See ``devices.files.workbook``."""
    from devices.files import workbook  # noqa: PLC0415 - likewise

    workbook.write_template(path, language=language)
