"""``hygeia registry``: units, places, grid, devices and people, from and to files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from devices.files import Checked, changes_of, read, write, write_remarks
from devices.files.faults import Fault
from devices.registry import Change, Registry
from gateway.cli import outlines, registry_devices, show
from gateway.cli.language import language, pick
from gateway.cli.options import Config, DataDir, Json
from gateway.cli.registered import apply, registry_of, versions_of
from gateway.client import open_door
from gateway.config import Settings, load
from gateway.errors import UsageError
from gateway.registry_check import known_profiles

Kind = Literal["units", "places", "grid", "devices", "scales", "people", "vehicles", "calendars", "teams", "sources"]
COLUMNS: Mapping[str, Sequence[str]] = {
    "units": ("id", "name", "kind", "grid"),
    "places": ("id", "name", "kind", "unit", "parent", "grid", "state"),
    "grid": ("id", "name", "parent", "officers"),
    "devices": ("id", "name", "kind", "place", "report_s", "channels", "credential"),
    "scales": ("id", "max_g", "division_g"),
    "people": ("id", "badge", "unit", "role"),
    "vehicles": ("id", "name", "unit"),
    "calendars": ("id", "name"),
    "teams": ("id", "name", "members", "calendar"),
    "sources": ("id", "filter", "device", "codec"),
}

File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML, XLSX, CSV, or a folder of CSV files.")]
Remarks = Annotated[
    Path | None, typer.Option("--remarks", metavar="OUT", help="Where faults: write the file again with remarks.")
]

Coordinates = Annotated[
    Literal["wgs84", "gcj02", "bd09"] | None,
    typer.Option("--coordinates", help="What the positions of places are in; they are kept as WGS-84."),
]

app = typer.Typer(help="Units, places, grid, devices and people, from and to files.", no_args_is_help=True)
app.command("add-device")(registry_devices.add_device)
app.command("rotate-device")(registry_devices.rotate_device)
app.command("revoke-device")(registry_devices.revoke_device)
app.add_typer(outlines.app, name="outlines")


@app.command("import")
def import_(
    file: File,
    remarks: Remarks = None,
    coordinates: Coordinates = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Register what a file says. Entries that it does not name stay; with any fault nothing is changed."""
    settings = load(config, data_dir)
    _exists(file)
    with open_door(settings, create=True) as door:
        current, known = registry_of(door)
        checked = read(file, current, settings.time_zone, known_profiles(settings.packs), coordinates or "")
        changes = [] if checked.faults else changes_of(checked.document, current)
        private = {name: body for name, body in checked.document.private.items() if known.get(name) != body}
        if not checked.faults and (changes or private):
            apply(door, changes, file.name, private)
    _tell(checked, changes, json=json)
    return _faulty(file, checked, remarks)


@app.command()
def check(
    file: File,
    remarks: Remarks = None,
    coordinates: Coordinates = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Check a file by itself or, with --config or --data-dir, against what is registered there; changes nothing."""
    _exists(file)
    current, zone, own = Registry(), Settings().time_zone, None
    if config is not None or data_dir is not None:
        settings = load(config, data_dir)
        zone, own = settings.time_zone, settings.packs
        with open_door(settings) as door:
            current, _ = registry_of(door)
    checked = read(file, current, zone, known_profiles(own), coordinates or "")
    _tell(checked, [] if checked.faults else changes_of(checked.document, current), json=json)
    return _faulty(file, checked, remarks)


@app.command()
def export(
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="A .yaml or .xlsx file, or a folder for CSV files.")
    ],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Write the whole registry to a file that can be imported again, names and numbers of people included."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        current, private = registry_of(door)
    try:
        write(current, out, private=private, zone=settings.time_zone, language=language())
        for file in [out] if out.is_file() else out.glob("*.csv"):
            file.chmod(0o600)  # names and telephone numbers are in it
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}; allowed: a place that this user may write") from error
    except ValueError as error:
        raise UsageError(str(error)) from error
    count = sum(len(current.ids(kind)) for kind in COLUMNS)
    show.say(pick({"en": f"{out}: {count} entries written", "zh": f"{out}：已导出 {count} 条"}))


@app.command("list")
def list_(
    kind: Annotated[
        Kind,
        typer.Argument(
            metavar="KIND",
            help="units, places, grid, devices, scales, people, vehicles, containers, labels, calendars, teams or "
            "sources.",
        ),
    ],
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List the entries of one section as they are in force now."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        current, _ = registry_of(door)
        versions = versions_of(door) if kind == "devices" else {}
    now = time.time_ns() // 1_000_000
    items = [current.get(kind, name, now) or current.get(kind, name) or {} for name in current.ids(kind)]
    if kind == "devices":
        items = [{**item, "credential": versions.get(item.get("id", ""))} for item in items]
    if json:
        show.items_document(items)
    else:
        show.table([_row(item) for item in items], COLUMNS[kind], settings.zone)


def _exists(file: Path) -> None:
    if not file.exists():
        raise UsageError(f"{file}: no such file; allowed: YAML, XLSX, CSV, or a folder of CSV files")


def _tell(checked: Checked, changes: Sequence[Change], *, json: bool) -> None:
    """Say what a file brings, or its faults."""
    counts = Counter(change.kind for change in changes)
    if json:
        faults = [msgspec.to_builtins(fault) | {"line": fault.line(language())} for fault in checked.faults]
        show.document({"ok": not faults, "changes": counts, "faults": faults})
    elif checked.faults:
        _complain(checked.faults)
    else:
        parts = ", ".join(f"{kind} {count}" for kind, count in counts.items())
        words = {"en": f"{len(changes)} entries new or changed", "zh": f"新增或更改 {len(changes)} 条"}
        show.say(pick(words) + (f": {parts}" if parts else ""))


def _complain(faults: Sequence[Fault]) -> None:
    for fault in faults:
        show.complain(fault.line(language()))


def _faulty(file: Path, checked: Checked, remarks: Path | None) -> int:
    """Write the returned file where it is wanted; the exit code of the check."""
    if not checked.faults:
        return 0
    if remarks is not None:
        try:
            write_remarks(file, remarks, list(checked.faults))
        except OSError as error:
            raise UsageError(f"{remarks}: {error.strerror}; allowed: a place that this user may write") from error
        show.complain(pick({"en": f"The file with remarks is {remarks}", "zh": f"带备注的文件: {remarks}"}))
    return 1


def _row(item: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as a row: channels by their names."""
    channels = [one.get("name") or one["parameter"] for one in item.get("channels", [])]
    return {**item, **({"channels": ", ".join(channels)} if channels else {})}
