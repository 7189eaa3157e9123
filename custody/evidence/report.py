"""The readable report of a bundle: one HTML page, Chinese and English, that loads nothing and runs nothing (pure).

Figures of entries stand in it as ``<data value="ENTRY/path">`` and ``<time data-of="ENTRY/key">``;
``custody.evidence.verify`` compares each with the entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from custody.container import Container
from custody.evidence.words import WORDS
from custody.words import CATEGORIES, STATES, STEPS, Texts

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Line(msgspec.Struct, frozen=True):
    """One thing that is on file or missing: the name of its words and the figures in them."""

    words: str
    figures: dict[str, Any] = {}


class Step(msgspec.Struct, frozen=True):
    """One custody entry of the timeline. ``via`` is the group by which it was inferred, empty where it was scanned.

    ``status`` is ``raw``, ``checked`` or ``reviewed``; ``undone`` the entry that took it back. ``place`` is the name of
    its place as (zh, en).
    """

    entry: int
    at: int
    body: dict[str, Any]
    via: str = ""
    status: str = "raw"
    undone: int | None = None
    place: tuple[str, str] = ("", "")


class Notice(msgspec.Struct, frozen=True):
    """Who was told of an alert: the id of the person (never a name), by which channel, when, with what result."""

    alert: str
    event: str
    person: str
    channel: str
    at: int
    state: str


class Case(msgspec.Struct, frozen=True):
    """All that a report shows. ``alerts`` and ``others`` are (entry, its time, its kind, its body)."""

    subject: str
    made_at: int
    zone: tzinfo
    origin: str
    head: tuple[int, str]
    container: Container | None = None
    steps: Sequence[Step] = ()
    alerts: Sequence[tuple[int, int, dict[str, Any]]] = ()
    others: Sequence[tuple[int, int, str, dict[str, Any]]] = ()
    notices: Sequence[Notice] = ()
    filed: Sequence[Line] = ()
    missing: Sequence[Line] = ()


def page(case: Case) -> bytes:
    """The report as UTF-8 HTML."""
    shown = {
        "case": case,
        "kind": case.subject.partition(":")[0],
        "say": say,
        "named": named,
        "figure": figure,
        "moment": lambda entry, at, key: moment(entry, at, key, case.zone),
        "clock": lambda at: clock(at, case.zone),
        "steps": STEPS,
        "states": STATES,
        "categories": CATEGORIES,
    }
    return _template().render(shown).encode()


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = files("custody.evidence").joinpath("templates/report.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def say(name: str, **figures: object) -> Markup:
    """Words of ``custody.evidence.words`` in both languages."""
    return _both(*(text.format(**figures) for text in WORDS[name]))


def named(texts: Texts, name: str) -> Markup:
    """The words for a name of the field; an unknown one as it was sent, nothing for nothing."""
    return _both(**texts[name]) if name in texts else escape(name)


def _both(zh: str, en: str) -> Markup:
    return Markup('<span lang="zh">{}</span><span lang="en">{}</span>').format(zh, en)


def figure(entry: int, body: Mapping[str, Any], path: str) -> Markup:
    """One value of an entry's body, as the verifier finds it again; nothing where there is none."""
    value: Any = body
    for part in path.split("/"):
        value = None if value is None else value[int(part)] if isinstance(value, list) else value.get(part)
    if value is None or value == "":
        return Markup("")
    return Markup('<data value="{}/{}">{}</data>').format(entry, path, str(value))


def moment(entry: int, at: int, key: str, zone: tzinfo) -> Markup:
    """A time of an entry, as the verifier finds it again."""
    text = clock(at, zone)
    return Markup('<time data-of="{}/{}" datetime="{}">{}</time>').format(entry, key, text.replace(" ", "T"), text)


def clock(at: int, zone: tzinfo) -> str:
    """``2026-11-22 08:30:00.000+08:00`` of ms since 1970 UTC."""
    return (_EPOCH + timedelta(milliseconds=at)).astimezone(zone).isoformat(" ", "milliseconds")
