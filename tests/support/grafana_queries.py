"""Asks every query of dashboards of a real InfluxDB, the way Grafana's front and back end do.

``run`` resolves the variables by their own queries in the order in which they depend on each other, interpolates as the
InfluxDB plugin does, then replaces ``$timeFilter``, ``$__interval_ms`` and ``$__interval`` in the back end's order and
posts as it posts. Each panel is asked with All everywhere, and for each variable with one value of it; a value that
gives no rows is followed by the next, up to ``MOST_TRIED``. ``problems`` says what is wrong: an error, a variable or a
panel without rows, a ``$x`` left over.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from dashboards.grafana.asked import DAY, Asked, asked, span_ms, variables
from dashboards.grafana.weigh import interval_ms, spoken

MOST_TRIED = 40
_REFERENCE = re.compile(r"\$\{(?P<braced>\w+)(?::(?P<form>\w+))?\}|\$(?P<plain>\w+)")
_SPECIAL = re.compile(r"([\\^$*+?.()|\[\]{}/])")

Choice = Mapping[str, "str | list[str]"]


class Ran(NamedTuple):
    """One query as it was asked, and its outcome; ``selection`` says in words what was chosen."""

    dashboard: str
    question: Asked
    selection: str
    statement: str
    rows: int
    seconds: float
    error: str


class Answer(NamedTuple):
    """What the server said: its words where it refused, and the series."""

    error: str
    series: list[dict[str, Any]]

    @property
    def rows(self) -> int:
        """Rows that hold anything beside their time."""
        return sum(
            any(value is not None for column, value in zip(one["columns"], row, strict=True) if column != "time")
            for one in self.series
            for row in one["values"]
        )


class Influx:
    """The /query of a server, asked as Grafana's back end asks: POST, form body, times in ms."""

    def __init__(self, url: str, database: str, headers: Mapping[str, str] | None = None) -> None:
        self._url = f"{url}/query?{urllib.parse.urlencode({'db': database, 'epoch': 'ms'})}"
        self._headers = dict(headers or {})

    def ask(self, statement: str) -> Answer:
        """One statement."""
        body = urllib.parse.urlencode({"q": statement}).encode()
        request = urllib.request.Request(self._url, body, self._headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                document = json.loads(reply.read())
        except urllib.error.HTTPError as error:
            return Answer(error.read().decode("utf-8", "replace") or str(error), [])
        (result,) = document.get("results") or [{}]
        return Answer(document.get("error") or result.get("error") or "", result.get("series", []))


def run(
    influx: Influx,
    dashboards: Iterable[Mapping[str, Any]],
    *,
    now_ms: int,
    typed: Mapping[str, str] | None = None,
    ranges_ms: Sequence[int] = (),
) -> Iterator[Ran]:
    """Ask everything; ``typed`` fills text boxes by name, ``ranges_ms`` are asked beside a dashboard's own range.

    Of several values of a variable that were tried, only the one with rows, else the last, is told.
    """
    for dashboard in dashboards:
        own = span_ms((dashboard.get("time") or {}).get("from", "now-6h")) or DAY
        for range_ms in (own, *ranges_ms):
            yield from _Board(influx, dashboard, typed or {}, now_ms, range_ms).run()


def problems(ran: Iterable[Ran]) -> list[str]:
    """What is wrong, a line each: errors, what is left over, variables without values, panels without rows."""
    found = []
    rows: dict[str, int] = {}
    for one in ran:
        said = f"{one.dashboard} {one.question.where} [{one.selection}]"
        left = re.findall(r"\$[\w{]\w*", one.statement)
        if one.error or left:
            found.append(f"{said}: {one.error or f'{left[0]} is left over'}: {one.statement}")
        # A panel shows something if one of its queries does.
        asks = f"panel {one.question.panel}" if one.question.by == "panel" else one.question.where
        panel = f"{one.dashboard} {asks} [{one.selection}]"
        rows[panel] = rows.get(panel, 0) + one.rows
    return found + [f"{panel}: no rows" for panel, count in rows.items() if not count]


class _Board:
    """One dashboard in one range."""

    def __init__(
        self, influx: Influx, dashboard: Mapping[str, Any], typed: Mapping[str, str], now_ms: int, range_ms: int
    ) -> None:
        self._influx, self._dashboard, self._typed = influx, dashboard, typed
        self._now_ms, self._range_ms = now_ms, range_ms
        self._known = variables(dashboard)
        self._said: dict[str, Answer] = {}

    def run(self) -> Iterator[Ran]:
        """Variables, then each other question with each selection that concerns it."""
        first = self._resolve({})
        for question in asked(self._dashboard):
            if question.by == "variable":
                yield self._ask(question, "all", first.choice)
                continue
            named = {match["braced"] or match["plain"] for match in _REFERENCE.finditer(question.query)}
            single = [name for name in first.values if name in named and name not in first.several]
            if question.repeat:
                single.append(question.repeat)
            for several in ("", *(name for name in first.several if name in named and name != question.repeat)):
                words = f"one {several}" if several else "all"
                last = None
                for choice in islice(self._choices([*([several] if several else []), *single], {}), MOST_TRIED):
                    last = self._ask(question, words, choice)
                    if last.rows or last.error:
                        break
                if last is not None:
                    yield last

    def _choices(self, names: Sequence[str], fixed: Mapping[str, str]) -> Iterator[Choice]:
        """What variables are set to: each of ``names`` to each of its values, as they depend on each other."""
        resolved = self._resolve(fixed)
        if not names:
            yield resolved.choice
            return
        name, *rest = names
        for value in resolved.values[name]:
            yield from self._choices(rest, {**fixed, name: value})

    def _ask(self, question: Asked, words: str, choice: Choice) -> Ran:
        span = question.longest_ms if question.own_range else self._range_ms
        statement = backend(interpolate(question.query, choice), self._now_ms - span, self._now_ms, question)
        begun = time.perf_counter()
        answer = self._influx.ask(statement)
        seconds = time.perf_counter() - begun
        return Ran(self._dashboard["uid"], question, words, statement, answer.rows, seconds, answer.error)

    def _resolve(self, fixed: Mapping[str, str]) -> _Resolved:
        made = _Resolved({}, {}, [])
        for name in _in_order(self._known):
            variable = self._known[name]
            values = made.values[name] = self._values(variable, made.choice)
            if variable.get("multi") or variable.get("includeAll"):
                made.several.append(name)
            everything = variable.get("allValue") or values
            made.choice[name] = fixed.get(name) or (everything if name in made.several else (values or [""])[0])
        return made

    def _values(self, variable: Mapping[str, Any], choice: Choice) -> list[str]:
        text = variable.get("query") or ""
        if variable["type"] == "query":
            statement = interpolate(text if isinstance(text, str) else text["query"], choice)
            if statement not in self._said:
                self._said[statement] = self._influx.ask(statement)
            return sorted({str(row[-1]) for one in self._said[statement].series for row in one["values"]})
        if variable["type"] == "custom":
            return [str(one["value"]) for one in variable.get("options") or ()]
        return [self._typed.get(variable["name"], text)]


class _Resolved(NamedTuple):
    """What each variable is set to, the values that it may have, and which may hold several."""

    choice: dict[str, str | list[str]]
    values: dict[str, list[str]]
    several: list[str]


def _in_order(known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Names of variables so that each stands behind those that its query names."""
    waiting, done = list(known), list[str]()
    while waiting:
        ready = [
            name
            for name in waiting
            if not {m["braced"] or m["plain"] for m in _REFERENCE.finditer(json.dumps(known[name].get("query") or ""))}
            & (set(waiting) - {name})
        ]
        if not ready:
            raise ValueError(f"variables depend on each other in a circle: {', '.join(waiting)}")
        done += ready
        waiting = [name for name in waiting if name not in ready]
    return done


def interpolate(query: str, choice: Choice) -> str:
    """Put variables in as Grafana's InfluxDB plugin does; All with a value of its own is put in as it is."""

    def value(found: re.Match[str]) -> str:
        name = found["braced"] or found["plain"]
        if name not in choice:
            return found[0]
        chosen = choice[name]
        if isinstance(chosen, str):
            return escape(chosen) if found["form"] == "regex" and chosen != ".*" else chosen
        texts = [escape(one) for one in chosen]
        if found["form"] == "regex":
            return texts[0] if len(texts) == 1 else f"({'|'.join(texts)})"
        # Without a form the plugin joins without brackets.
        return " + ".join(chosen) if found["form"] == "text" else "|".join(texts)

    return _REFERENCE.sub(value, query)


def escape(value: str) -> str:
    """A value inside a regular expression."""
    return _SPECIAL.sub(r"\\\1", value)


def backend(query: str, start_ms: int, end_ms: int, question: Asked) -> str:
    """What the back end replaces, in its order; before that the front end puts in the end of the range."""
    interval = interval_ms(end_ms - start_ms, question.across, question.least_ms)
    for name, value in (
        ("${__to}", str(end_ms)),
        ("$timeFilter", f"time >= {start_ms}ms and time <= {end_ms}ms"),
        ("$interval", spoken(interval)),
        ("$__interval_ms", str(interval)),
        ("$__interval", spoken(interval)),
    ):
        query = query.replace(name, value)
    return query
