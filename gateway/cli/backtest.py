"""``hygeia rules backtest``: which alerts a rule pack would have fired, and how that differs from the present ones."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alerts.rules import PackError, load_packs, parse_pack
from gateway.api.times import parse_time
from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.config import Settings, load
from gateway.errors import ConfigurationError, HygeiaError, UsageError
from gateway.installation import Installation

if TYPE_CHECKING:
    from rich.progress import Progress

    from alerts.pack import Pack
    from gateway.drive.sources import Source, Window

COLUMNS = ("since", "lasted", "severity", "place", "device", "point", "parameter", "value", "limit_value", "rule")
RULES = ("rule", "pack", "severity", "alerts", "total", "longest")
#: Of a longer list the first are printed; ``--json`` has all.
PRINTED = 40
#: Columns of the longest bar of the drawing.
WIDTH = 50
#: Rows of a CSV file that were left out are named up to this number.
NAMED = 5

_From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="Only alerts from here on (ISO 8601 or ms).")]
_To = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only alerts before this time.")]


def backtest(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="The id of a pack, or a YAML file.")],
    from_: _From = None,
    to: _To = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Recorded data in place of the journal.")
    ] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", metavar="MAP", help="Which columns of FILE are which parameters.")
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Say which alerts a pack would have fired over the journal or a CSV file, compared with the present pack.

    Nothing is written and nobody is told; the gateway may run. Compared is the pack in force of the same id, where
    there is none all packs in force. docs/backtest.md explains the figures.
    """
    from gateway.drive.sources import Window  # noqa: PLC0415 - other commands of this group start faster

    if (csv is None) != (map_ is None):
        raise UsageError("backtest: --csv FILE and --map MAP belong together")
    settings = load(config, data_dir)
    window = Window(_time("--from", from_, settings.zone), _time("--to", to, settings.zone))
    if window.start is not None and window.end is not None and window.start >= window.end:
        raise UsageError(f"--to {to!r}: allowed: a time after --from")
    tried, present = _packs(pack, settings)
    source = _source(settings, window, csv, map_)
    found = _run(source, tried, present, window, settings)
    if json:
        show.document(found)
    else:
        _print(found, settings.zone)


def _time(option: str, text: str | None, zone: tzinfo) -> int | None:
    if text is None:
        return None
    try:
        return parse_time(text, zone)
    except ValueError:
        raise UsageError(f"{option} {text!r}: allowed: ISO 8601, such as 2026-01-31T08:00, or ms since 1970") from None


def _packs(wanted: str, settings: Settings) -> tuple[Pack, list[Pack]]:
    """The pack to try, and those in force that it is compared with."""
    path = Path(wanted)
    try:
        if path.suffix in {".yaml", ".yml"}:
            tried = parse_pack(path.read_text(encoding="utf-8"), str(path))
        else:
            (tried,) = load_packs([wanted], settings.packs)
        present = load_packs(settings.alerts.packs, settings.packs)
    except PackError as error:
        raise ConfigurationError(error.faults) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8; allowed: UTF-8 text") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; allowed: a rule pack in YAML, or the id of a pack") from error
    same = [one for one in present if one.id == tried.id]
    return tried, same or present


def _source(settings: Settings, window: Window, csv: Path | None, map_: Path | None) -> Source:
    from gateway.cli.replay import mapping_of  # noqa: PLC0415 - as above
    from gateway.client import require  # noqa: PLC0415 - likewise
    from gateway.core import routing_text  # noqa: PLC0415 - likewise
    from gateway.drive.sources import of_csv, of_journal, start_body  # noqa: PLC0415 - likewise

    try:
        start = start_body(routing_text(settings.alerts.routing), settings.time_zone)
    except PackError as error:
        raise ConfigurationError(error.faults) from error
    if csv is None or map_ is None:
        installation = Installation(settings.data.dir)
        require(installation)
        return of_journal(installation, settings.mqtt.root, start, window)
    mapping, document = mapping_of(map_)
    skipped: list[str] = []

    def skip(words: str) -> None:
        skipped.append(words)
        if len(skipped) <= NAMED:
            show.complain(f"{csv}: {words}")

    return of_csv(csv, mapping, document, start, skip)


def _run(source: Source, tried: Pack, present: list[Pack], window: Window, settings: Settings) -> dict[str, Any]:
    """Both trials over the same records, as the document of ``--json``."""
    from gateway.drive import firings  # noqa: PLC0415 - as above
    from gateway.drive.backtest import Trial, run  # noqa: PLC0415 - likewise

    texts = {one.id: one.text for one in present}
    here = Trial({tried.id: tried.text}, source)
    there = here if texts == {tried.id: tried.text} else Trial(texts, source)
    trials = [here] if there is here else [here, there]
    began, worked = time.monotonic(), time.process_time()
    with _progress() as bar:
        task = bar.add_task(tried.id, total=source.count)
        run(source, trials, window, lambda count: bar.advance(task, count))
    seconds, worked = time.monotonic() - began, time.process_time() - worked
    if window.first is None:
        raise HygeiaError(_nothing(window, settings.zone))
    start, end = window.bounds
    summed = firings.summary(here.firings, start, end, settings.zone)
    compared = firings.summary(there.firings, start, end, settings.zone)
    return {
        "pack": {"id": tried.id, "version": tried.version, "digest": tried.digest},
        "from": start,
        "to": end,
        "readings": here.readings,
        "parked": dict(here.parked),
        "seconds": round(seconds, 3),
        "cpu_seconds": round(worked, 3),
        **summed,
        "alerts": here.firings,
        "present": {
            "packs": [{"id": one.id, "version": one.version, "digest": one.digest} for one in present],
            **compared,
        },
        "difference": firings.difference(here.firings, there.firings, end),
    }


def _nothing(window: Window, zone: tzinfo) -> str:
    """That there is nothing to try the pack on."""
    words = {"en": "there are no records{0}{1}", "zh": "{0}{1}没有记录"}
    since, until = {"en": " from {0}", "zh": "自 {0} 起"}, {"en": " before {0}", "zh": "{0} 之前"}
    shown = (
        "" if at is None else pick(text).format(show.cell("at", at, zone))
        for text, at in ((since, window.start), (until, window.end))
    )
    return pick(words).format(*shown)


def _progress() -> Progress:
    from rich import progress  # noqa: PLC0415 - as above
    from rich.console import Console  # noqa: PLC0415 - likewise

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    return progress.Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


def _print(found: Mapping[str, Any], zone: tzinfo) -> None:
    words = {
        "en": "{0}: {1} alerts from {2} to {3} ({4} readings), {5} a day; {6} of them would have told nobody",
        "zh": "{0}：{2} 至 {3}（{4} 个读数）共 {1} 次报警，日均 {5} 次，其中 {6} 次不通知任何人",
    }
    start, end = (show.cell("at", found[key], zone) for key in ("from", "to"))
    a_day = "-" if found["a_day"] is None else f"{found['a_day']:.3g}"
    name = f"{found['pack']['id']} {found['pack']['version']}"
    show.say(pick(words).format(name, found["count"], start, end, found["readings"], a_day, found["held"]))
    if found["parked"]:
        reasons = ", ".join(f"{reason} {count}" for reason, count in found["parked"].items())
        show.say(pick({"en": "Messages that were not taken: {0}", "zh": "未接受的消息：{0}"}).format(reasons))
    if not found["count"] and not found["present"]["count"]:
        return
    show.say("")
    show.table([_rule(row) for row in found["by_rule"]], RULES, zone)
    _draw(found["per_day"])
    show.say("")
    _list(found["alerts"], found["to"], zone)
    _compare(found, zone)


def _rule(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "total": lasting(row["total_ms"]), "longest": lasting(row["longest_ms"])}


def lasting(ms: int) -> str:
    """A duration as people read it: ``3d 4h``, ``2h 5m``, ``40s``."""
    seconds = ms // 1000
    for size, unit, below, small in ((86_400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            rest = seconds % size // below
            return f"{seconds // size}{unit} {rest}{small}" if rest else f"{seconds // size}{unit}"
    return f"{seconds}s"


def _draw(days: list[dict[str, Any]]) -> None:
    """A bar a day, of the days from the first to the last that has any."""
    counts = [day["alerts"] for day in days]
    most = max(counts, default=0)
    if not most or len(days) < 2:
        return
    show.say("")
    first = next(index for index, count in enumerate(counts) if count)
    last = len(counts) - next(index for index, count in enumerate(reversed(counts)) if count)
    quiet = 0
    for day in days[first:last]:
        if not day["alerts"]:
            quiet += 1
            continue
        if quiet:
            show.say(pick({"en": "  ({0} days without)", "zh": "  （{0} 天无报警）"}).format(quiet))
            quiet = 0
        bar = "█" * max(1, round(day["alerts"] * WIDTH / most))
        weekday = datetime.fromisoformat(day["day"]).isoweekday()
        mark = " " if weekday < 6 else "*"
        show.say(f"{day['day']}{mark} {bar} {day['alerts']}")


def _list(alerts: list[Any], end: int, zone: tzinfo) -> None:
    import msgspec  # noqa: PLC0415 - as above

    rows = []
    for one in alerts[:PRINTED]:
        lasted = lasting(one.duration(end)) + ("" if one.until is not None else "…")
        rows.append({**msgspec.structs.asdict(one), "lasted": lasted})
    show.table(rows, COLUMNS, zone)
    if len(alerts) > PRINTED:
        show.say(pick({"en": "{0} more are in --json.", "zh": "其余 {0} 条见 --json。"}).format(len(alerts) - PRINTED))


def _compare(found: Mapping[str, Any], zone: tzinfo) -> None:
    present, difference = found["present"], found["difference"]
    names = ", ".join(f"{one['id']} {one['version']}" for one in present["packs"]) or "-"
    words = {
        "en": "In force now ({0}): {1} alerts. Both: {2}. Only this pack: {3}. Only in force now: {4}.",
        "zh": "现行规则（{0}）：{1} 次报警。两者都有：{2}；仅本规则包：{3}；仅现行规则：{4}。",
    }
    only_here, only_present = difference["only_here"], difference["only_present"]
    show.say("")
    show.say(pick(words).format(names, present["count"], difference["both"], len(only_here), len(only_present)))
    if found["pack"]["id"] not in {one["id"] for one in present["packs"]}:
        return  # nothing of a pack that is not in force can be in force
    for title, alerts in (
        ({"en": "Only this pack", "zh": "仅本规则包"}, only_here),
        ({"en": "Only in force now", "zh": "仅现行规则"}, only_present),
    ):
        if alerts:
            show.say(f"\n{pick(title)}")
            _list(alerts, found["to"], zone)
