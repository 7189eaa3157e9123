"""``hygeia rules``: are rule packs sound, what do they mean, and which are in force."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from alerts import bounds, phrases
from alerts.pack import DISINFECTANTS, PLACE_KINDS, Limit, Pack, Rule
from alerts.policy import parse_policy
from alerts.rules import PackError, known_packs, load_packs, parse_pack
from devices import lines
from devices.parameters import CATALOGUE
from gateway.cli import show
from gateway.cli.backtest import backtest
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.config import Settings, load
from gateway.errors import UsageError

LIMITS = ("profile", "parameter", "disinfectant", "place_kind", "limit", "parameter_unit", "verified", "source")
RULES = ("pack", "id", "title", "severity", "parameter", "condition", "verified", "enabled", "source")
_SOUND = {"en": "{file}: sound; {what}", "zh": "{file}：无误；{what}"}
_ANY = {"en": "any", "zh": "任意"}
_OTHER = {"en": "any other", "zh": "其他"}
_YES = {"en": "yes", "zh": "是"}
_NO = {"en": "no", "zh": "否"}
_TO_CONFIRM = {"en": "to be confirmed", "zh": "待核实"}
_IN_PART = {"en": "in part to be confirmed", "zh": "部分待核实"}

app = typer.Typer(help="Rule packs: are they sound, what do they mean, which are in force.", no_args_is_help=True)
app.command()(backtest)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Rule packs, or a routing file.")],
    json: Json = False,
) -> int:
    """Check rule packs and routing files: every fault with its line, or what they mean. Changes nothing."""
    faults: list[str] = []
    packs: list[Pack] = []
    sound: list[str] = []
    for file in files:
        try:
            text = _read(file)
            if _is_routing(text):
                sound.append(_sound(file, parse_policy(text, str(file)).id))
            else:
                packs.append(parse_pack(text, str(file)))
                sound.append(_sound(file, f"{packs[-1].id} {packs[-1].version}"))
                faults += _twice(packs, file)
        except PackError as error:
            faults += error.faults
    if json:
        show.document({"ok": not faults, "faults": faults})
        return 1 if faults else 0
    for fault in faults:
        show.complain(fault)
    if faults:
        return 1
    for line in sound:
        show.say(line)
    for pack in packs:
        _explain(pack)
    return 0


@app.command("list")
def list_(config: Config = None, data_dir: DataDir = None, json: Json = False) -> int:
    """List the rules of the packs that alerts.packs names, and those of the other packs that there are.

    A pack with faults is left out, and its faults are said; the gateway goes on with what was in force.
    """
    settings = load(config, data_dir)
    names, own = settings.alerts.packs, settings.packs
    packs, faults = _each([*names, *(name for name in known_packs(own) if name not in names)], own)
    items = [{**item, "in_force": pack.id in names} for pack in packs for item in rows(pack)]
    if json:
        show.items_document(items)
    else:
        show.table([_shown(item) for item in items], (RULES[0], "in_force", *RULES[1:]), settings.zone)
    for fault in faults:
        show.complain(fault)
    return 1 if faults else 0


def _each(names: Sequence[str], own: Path) -> tuple[list[Pack], list[str]]:
    """The packs that are sound, and the faults of the others."""
    packs: dict[str, Pack] = {}
    faults: list[str] = []
    for name in names:
        if name in packs:
            faults.append(f"alerts.packs: {name!r} is named twice; allowed: once")
            continue
        try:
            (packs[name],) = load_packs([name], own)
        except PackError as error:
            faults += error.faults
    return list(packs.values()), list(dict.fromkeys(faults))


def rows(pack: Pack) -> Iterator[dict[str, Any]]:
    """The rules of a pack as they stand in JSON; ``verified`` is None where no number needs a source.

    ``unverified`` are those of its sources that nobody compared its numbers with.
    """
    for rule in pack.rules:
        sources = _sources(pack, rule)
        unverified = [source for source, verified in sources.items() if not verified]
        yield {
            "id": rule.id,
            "pack": pack.id,
            "title": rule.title.model_dump(),
            "severity": rule.severity,
            "parameter": phrases.about(rule),
            "kind": rule.kind,
            "condition": phrases.phrase(rule).model_dump(),
            "source": "; ".join(sources),
            "verified": not unverified if sources else None,
            "unverified": unverified,
            "enabled": rule.enabled,
        }


def pick_source(pack: Pack, rule: Rule) -> str:
    """Where the limits of a rule come from that takes them from profiles."""
    return "; ".join(dict.fromkeys(limit.source for limit in _of_profile(pack, rule)))


def limit_rows(pack: Pack) -> Iterator[dict[str, Any]]:
    """What the profiles of a pack mean: a row for the place kinds that have the same limits, by disinfectant."""
    for profile, written in pack.profiles.items():
        for name in dict.fromkeys(limit.parameter for limit in written):
            about = [limit for limit in written if limit.parameter == name]
            kinds = _named([limit.place_kinds for limit in about], PLACE_KINDS)
            grouped: dict[tuple[str, int, int], list[str]] = {}
            found: dict[int, Limit | None] = {}
            for disinfectant in _named([limit.disinfectants for limit in about], DISINFECTANTS):
                for kind in kinds:
                    low, high = bounds.limits(pack, name, kind, profile, disinfectant)
                    found |= {id(low): low, id(high): high}
                    if low or high:
                        grouped.setdefault((disinfectant, id(low), id(high)), []).append(kind)
            for (disinfectant, low_id, high_id), places in grouped.items():
                other = pick(_OTHER if kinds[:-1] else _ANY)
                where = ", ".join(place or other for place in places)
                yield _limit_row(profile, name, disinfectant, where, found[low_id], found[high_id])


def _limit_row(
    profile: str, name: str, disinfectant: str, places: str, low: Limit | None, high: Limit | None
) -> dict[str, Any]:
    parts = [limit for limit in (low, high) if limit is not None]
    return {
        "profile": profile,
        "parameter": name,
        "disinfectant": disinfectant or pick(_ANY),
        "place_kind": places,
        "limit": phrases.limits(low.min if low else None, high.max if high else None),
        "parameter_unit": CATALOGUE[name].unit,
        "verified": pick(_YES) if all(limit.verified for limit in parts) else pick(_TO_CONFIRM),
        "source": "; ".join(dict.fromkeys(limit.source for limit in parts)),
    }


def _named(lists: Sequence[Sequence[str]], known: Sequence[str]) -> list[str]:
    """What any of the lists names, in the order of ``known``; an empty word for all others where a list names none."""
    named = [one for one in known if any(one in part for part in lists)]
    return named if all(lists) else [*named, ""]


def _of_profile(pack: Pack, rule: Rule) -> list[Limit]:
    if not rule.condition.from_profile:
        return []
    sides = ("max",) if rule.condition.above else ("min",) if rule.condition.below else ("min", "max")
    return [
        limit
        for written in pack.profiles.values()
        for limit in written
        if limit.parameter in rule.parameters and any(getattr(limit, side) is not None for side in sides)
    ]


def _sources(pack: Pack, rule: Rule) -> dict[str, bool]:
    """Where the numbers of a rule come from: source, and whether they were compared with it."""
    found = {rule.source: rule.verified} if rule.source else {}
    for limit in _of_profile(pack, rule):
        found[limit.source] = limit.verified and found.get(limit.source, True)
    return found


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    """A rule as a row of a table."""
    words = {True: pick(_YES), False: pick(_TO_CONFIRM), None: "-"}
    flags = {name: pick(_YES if item[name] else _NO) for name in ("enabled", "in_force") if name in item}
    in_part = item["unverified"] and len(item["unverified"]) < len(item["source"].split("; "))
    return item | flags | {"verified": pick(_IN_PART) if in_part else words[item["verified"]]}


def _explain(pack: Pack) -> None:
    zone = Settings().zone
    found = list(limit_rows(pack))
    if found:
        show.say("")
        show.table(found, LIMITS, zone)
    show.say("")
    show.table([_shown(item) for item in rows(pack)], RULES[1:], zone)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise PackError([f"{file}:1: byte {error.start} is not UTF-8; allowed: UTF-8 text"]) from error
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}; allowed: a rule pack or routing file, in YAML") from error


def _is_routing(text: str) -> bool:
    data = lines.Lines(text).data
    return isinstance(data, dict) and "routing" in data


def _sound(file: Path, what: str) -> str:
    return pick(_SOUND).format(file=file, what=what)


def _twice(packs: Sequence[Pack], file: Path) -> list[str]:
    """A fault where the last pack has the id of one before it."""
    new = packs[-1]
    if all(pack.id != new.id for pack in packs[:-1]):
        return []
    line = lines.Lines(new.text).of(("pack",))
    return [f"{file}:{line}: pack = {new.id!r}: another of these files has this id; allowed: one pack an id"]
