"""``hygeia registry outlines``: borders of the grid for the map and for Grafana, from and to GeoJSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from devices.coordinates import System
from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.cli.registered import registry_of
from gateway.client import open_door
from gateway.config import load
from gateway.errors import UsageError

#: Bytes of a file that is read at all: a province at the finest is some 10 MB.
LARGEST = 32 * 1024 * 1024
#: Faults that are shown; a file of another city has one a feature.
_SHOWN = 20

app = typer.Typer(help="Borders of the grid, from and to GeoJSON.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="GeoJSON: Polygons and MultiPolygons.")],
    id_property: Annotated[
        str, typer.Option("--id-property", help="The property that holds the id, path or name of a part of the grid.")
    ] = "id",
    coordinates: Annotated[
        System, typer.Option("--coordinates", help="What the borders are in; they are kept as WGS-84.")
    ] = "wgs84",
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Keep the borders of a file in place of those that are kept; thinned out, each tied to the registry's grid."""
    from devices.outlines import OutlineError, read_outlines  # noqa: PLC0415 - numpy: other commands start sooner

    settings = load(config, data_dir)
    document = _document(file)
    with open_door(settings) as door:
        registry, _ = registry_of(door)
        try:
            kept = read_outlines(document, registry, coordinates, id_property)
        except OutlineError as error:
            for fault in error.faults[:_SHOWN]:
                show.complain(f"hygeia: {file.name}: {fault}")
            if len(error.faults) > _SHOWN:
                show.complain(f"hygeia: {file.name}: and {len(error.faults) - _SHOWN} more")
            return 1
        door.put("outlines", body=msgspec.json.encode(kept))
    points = sum(len(ring) for one in kept["features"] for area in one["geometry"]["coordinates"] for ring in area)
    if json:
        show.document({"features": len(kept["features"]), "points": points})
    else:
        words = {
            "en": f"{len(kept['features'])} outlines kept, {points} points; see /map",
            "zh": f"已导入 {len(kept['features'])} 个轮廓，共 {points} 个点；见 /map",
        }
        show.say(pick(words))
    return 0


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A GeoJSON file, such as Grafana's.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Write the borders that are kept as GeoJSON (WGS-84), with id, grid, name_zh and name_en; none = no feature."""
    with open_door(load(config, data_dir)) as door:
        found = door.get("outlines")
    document = {"type": "FeatureCollection", "features": found["features"]}
    try:
        out.write_bytes(msgspec.json.encode(document) + b"\n")
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}; allowed: a place that this user may write") from error
    count = len(found["features"])
    show.say(pick({"en": f"{out}: {count} outlines written", "zh": f"{out}：已写出 {count} 个轮廓"}))


def _document(file: Path) -> object:
    try:
        if file.stat().st_size > LARGEST:
            raise UsageError(f"{file}: {file.stat().st_size} bytes; allowed: at most {LARGEST}")
        return msgspec.json.decode(file.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; allowed: a GeoJSON file that this user may read") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{file}: no valid JSON: {error}; allowed: a GeoJSON FeatureCollection") from error
