"""``hygeia custody profiles``: what is expected of producers, each number with its source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from custody.profile import Profile
from custody.profiles import ProfileError, load_profiles, parse_profiles, shipped
from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.config import load

COLUMNS = ("profile", "about", "value", "verified", "source", "origin")
_YES = {"en": "yes", "zh": "是"}
_TO_CONFIRM = {"en": "to be confirmed", "zh": "待核实"}
_ORIGIN = {True: {"en": "shipped", "zh": "自带"}, False: {"en": "own", "zh": "自有"}}


def profiles(config: Config = None, data_dir: DataDir = None, json: Json = False) -> int:
    """List the producer profiles that hold from the next start, each number with its source."""
    settings = load(config, data_dir)
    try:
        texts = load_profiles(settings.profiles)
    except ProfileError as error:
        for fault in error.faults:
            show.complain(fault)
        return 1
    brought = shipped()
    items = [
        {**row, "origin": "shipped" if texts[name] == brought.get(name) else "own"}
        for name, profile in parse_profiles(texts).items()
        for row in rows(profile)
    ]
    if json:
        show.items_document(items)
    else:
        show.table([_shown(item) for item in items], COLUMNS, settings.zone)
    return 0


def rows(profile: Profile) -> Iterator[dict[str, Any]]:
    """What a profile sets, a row a number or list."""

    def row(about: str, value: str, source: str, *, verified: bool) -> dict[str, Any]:
        return {
            "profile": profile.id,
            "version": profile.version,
            "title": profile.title,
            "about": about,
            "value": value,
            "verified": verified,
            "source": source,
        }

    for about in ("begins", "two", "weighed"):
        yield row(about, " ".join(getattr(profile, about)) or "-", profile.source, verified=profile.verified)
    yield row("handover", profile.handover, profile.source, verified=profile.verified)
    due = profile.collection
    value = due.every if due.every == "call" else f"{due.every} {due.by} + {due.grace_min} min"
    yield row("collection", value, due.source, verified=due.verified)
    for pair, one in profile.tolerance.items():
        value = f"max({one.divisions} x bags x division, {one.percent:g} %)"
        yield row(f"tolerance.{pair}", value, one.source, verified=one.verified)
    for about in ("most_g", "division_g", "settle_h", "baseline_days", "baseline_least"):
        yield row(about, str(getattr(profile, about)), profile.source, verified=profile.verified)


def _shown(item: dict[str, Any]) -> dict[str, Any]:
    verified = pick(_YES if item["verified"] else _TO_CONFIRM)
    return {**item, "verified": verified, "origin": pick(_ORIGIN[item["origin"] == "shipped"])}
