"""``hygeia custody balance``: what departments handed over on a day, against store, vehicle and plant."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import typer

from custody.words import CATEGORIES
from gateway.cli import custody_words as words
from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.client import open_door
from gateway.config import load
from gateway.errors import UsageError

COLUMNS = (
    *("unit", "day", "category", "department", "store_in", "store_out", "loaded", "received", "disposed_n"),
    *("difference_g", "tolerance_g", "ok", "missing"),
)
_STAGES = ("department", "store_in", "store_out", "loaded", "received")
_OK = {True: {"en": "yes", "zh": "是"}, False: {"en": "NO", "zh": "否"}}


def balance(
    unit: Annotated[str | None, typer.Option("--unit", metavar="UNIT", help="Only of this unit.")] = None,
    day: Annotated[
        str | None, typer.Option("--day", metavar="DAY", help="The local day (YYYY-MM-DD); without it today.")
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Balance a day: what departments handed over against store, vehicle and plant."""
    if day is not None and not _is_day(day):
        raise UsageError(f"--day {day!r}: allowed: a day, such as 2026-01-31")
    settings = load(config, data_dir)
    with open_door(settings) as door:
        items = door.items("balance", unit=unit, day=day)
    if json:
        show.items_document(items)
    else:
        show.table([_shown(item) for item in items], COLUMNS, settings.zone)


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    """A row for people: number and weight of a stage in one cell; ``*`` where not all of it was weighed."""
    found = {**item, "category": words.say(CATEGORIES, item["category"]), "ok": pick(_OK[item["ok"]])}
    found["missing"] = " ".join(item["missing"]) or None
    for stage in _STAGES:
        number, grams = item[f"{stage}_n"], item[f"{stage}_g"]
        part = "*" if stage in item["part"] else ""
        weight = "" if grams is None else f" / {grams // 1000}.{grams % 1000:03d} kg{part}"
        found[stage] = f"{number}{weight}"
    return found


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
