"""What a query of a dashboard may be: the InfluxQL that 1.x, 2.x and 3 share, bounded, and with its variables right.

3 Core has no SLIMIT, SOFFSET, SHOW DATABASES, SHOW SERIES, no cardinality, SAMPLE(), HOLT_WINTERS(), nor the moving
averages EMA to CMO; 2.x has no INTO, CREATE or continuous queries; Flux is no InfluxQL. So what is allowed is listed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

from dashboards.grafana.asked import DAY, Asked, asked, panels, variables
from dashboards.grafana.influxql import Kind, Select, Token, UnreadableError, functions, select, tokens
from dashboards.grafana.measurements import MEASUREMENTS
from dashboards.grafana.weigh import interval_ms, openings, points, sources, spoken

#: What the queries of one panel may read together, in a city as ``measurements`` describes it.
MOST_POINTS = 50_000
#: How often a query may open a series, so that it takes less than half a second there.
MOST_OPENINGS = 10_000
#: Raw readings are for a look at the last days; longer ranges have the series of 5 minutes, hours and days.
LONGEST_RAW = 7 * DAY
#: Looking for one container reads what all containers of the range did: no index leads to it.
LONGEST_SEARCH = 7 * DAY


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = _set(
    "count distinct integral mean median mode spread stddev sum bottom first last max min percentile top abs ceil floor"
    " round sqrt pow cumulative_sum derivative difference elapsed moving_average non_negative_derivative"
    " non_negative_difference time tz fill now"
)
#: Functions that make many readings one.
_REDUCE = FUNCTIONS - _set("abs ceil floor round sqrt pow time tz fill now")
_WORDS = _set(
    "SELECT FROM WHERE GROUP BY ORDER ASC DESC LIMIT OFFSET AS AND OR NOT SHOW TAG FIELD VALUES KEYS MEASUREMENTS WITH"
    " KEY IN TIME FILL NONE NULL PREVIOUS LINEAR TRUE FALSE TZ"
)
_REFUSED = _set(
    "SLIMIT SOFFSET INTO CREATE DROP DELETE ALTER GRANT REVOKE KILL CARDINALITY EXACT CONTINUOUS DATABASES SERIES"
)
_SHOW = re.compile(r"SHOW (TAG VALUES|TAG KEYS|FIELD KEYS|MEASUREMENTS)\b", re.IGNORECASE)
_BUILT_IN = frozenset({"$timeFilter", "$__interval", "$__interval_ms", "${__to}ms"})
_VARIABLE = re.compile(r"\$\{(\w+)[^}]*\}|\$(\w+)|\[\[(\w+)[^\]]*\]\]")
_ANCHORED = re.compile(r"\^\$\{\w+:regex\}\$")


class Rule(StrEnum):
    """What a query can break."""

    UNREADABLE = "unreadable"
    STATEMENT = "statement"
    CLAUSE = "clause"
    FUNCTION = "function"
    UNQUOTED = "unquoted"
    TIME_FILTER = "time-filter"
    VARIABLE = "variable"
    UNKNOWN = "unknown"
    TABLE = "table"
    RAW = "raw"
    POINTS = "points"
    OPENINGS = "openings"


class Fault(NamedTuple):
    """One broken rule: where in the dashboard, and what is wrong with what is allowed."""

    rule: Rule
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} [{self.rule}]"


def lint(dashboard: Mapping[str, Any]) -> list[Fault]:
    """All faults of all queries of a dashboard, and panels that read too much."""
    known = variables(dashboard)
    single = {name for name, one in known.items() if not one.get("multi") and not one.get("includeAll")}
    found: list[Fault] = []
    read: dict[int, int] = {}
    for question in asked(dashboard):
        try:
            parts = tokens(question.query)
            query = select(parts) if parts and parts[0].is_word("SELECT") else None
        except UnreadableError as error:
            found.append(Fault(Rule.UNREADABLE, question.where, f"no InfluxQL: {error}"))
            continue
        found.extend(_statement(question, parts))
        found.extend(_variables(question, parts, known))
        found.extend(_columns(question, parts, query))
        if query is not None:
            found.extend(_times(question, query))
            chosen = single | {question.repeat}
            read[question.panel] = read.get(question.panel, 0) + points(query, question, chosen)
            opened = openings(query, question, chosen)
            if opened > MOST_OPENINGS:
                what = f"opens {opened} series at worst (functions times series); allowed: {MOST_OPENINGS}"
                found.append(Fault(Rule.OPENINGS, question.where, what))
    titles = {int(panel.get("id") or 0): panel.get("title", "") for panel in panels(dashboard)}
    for panel, count in read.items():
        if count > MOST_POINTS:
            where = f"panel {panel} {titles[panel]!r}" if panel else "annotations"
            found.append(Fault(Rule.POINTS, where, f"reads {count} points at worst; allowed: {MOST_POINTS}"))
    return found


def _statement(question: Asked, parts: list[Token]) -> Iterator[Fault]:
    where = question.where
    if not parts or not (parts[0].is_word("SELECT") or _SHOW.match(" ".join(part.text for part in parts[:3]))):
        allowed = "SELECT, SHOW TAG VALUES, SHOW TAG KEYS, SHOW FIELD KEYS, SHOW MEASUREMENTS"
        yield Fault(Rule.STATEMENT, where, f"{question.query[:40]!r} is no statement of ours; allowed: {allowed}")
    if any(part.text == ";" for part in parts):
        yield Fault(Rule.STATEMENT, where, "';': one query holds one statement")
    for name in sorted({part.text for part in parts if part.is_word(*_REFUSED)}):
        yield Fault(Rule.CLAUSE, where, f"{name} is not in all of InfluxDB 1.x, 2.x and 3")
    called = set(functions(parts))
    for name in sorted(called - FUNCTIONS):
        yield Fault(Rule.FUNCTION, where, f"{name}() is not in all of InfluxDB 1.x, 2.x and 3")
    bare = {part.text for part in parts if part.kind is Kind.WORD and not part.is_word(*_WORDS, *_REFUSED)}
    for name in sorted(one for one in bare if one.lower() not in called):
        yield Fault(Rule.UNQUOTED, where, f'{name} is not quoted; allowed: "{name}"')


def _variables(question: Asked, parts: list[Token], known: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    where = question.where
    for part in parts:
        names = [one or other or third for one, other, third in _VARIABLE.findall(part.text)]
        for name in names:
            if not name.startswith("__") and name != "timeFilter" and name not in known:
                yield Fault(Rule.VARIABLE, where, f"${name} is no variable of this dashboard")
        if part.kind is Kind.VARIABLE and part.text not in _BUILT_IN:
            yield Fault(Rule.VARIABLE, where, f'{part.text} stands bare; allowed: "tag" =~ /^${{name:regex}}$/')
        elif part.kind is Kind.REGEX and names and not _ANCHORED.fullmatch(part.text):
            if names != ["__interval"]:
                yield Fault(
                    Rule.VARIABLE, where, f"/{part.text}/; allowed: /^${{{names[0]}:regex}}$/, nothing around it"
                )
        elif part.kind in {Kind.NAME, Kind.TEXT}:
            for name in names:
                if known.get(name, {}).get("type") not in {"constant", "custom"} or known[name].get("multi"):
                    yield Fault(Rule.VARIABLE, where, f"${name} in quotes; allowed there: constants, single choices")


def _columns(question: Asked, parts: list[Token], query: Select | None) -> Iterator[Fault]:
    """Measurements that do not exist, and names that are neither tag nor field of what is read."""
    if query is None:
        names = [part.text for part in parts if part.kind is Kind.NAME]
        source = next((after for before, after in pairwise(parts) if before.is_word("FROM")), None)
        if source is None:
            return
        if source.kind is Kind.REGEX:
            read = [name for name in MEASUREMENTS if re.search(source.text, name)]
        else:
            read, names = [source.text], names[1:]
        if not read or read[0] not in MEASUREMENTS:
            yield Fault(Rule.UNKNOWN, question.where, f'there is no measurement "{source.text}"')
        else:
            yield from _strangers(question, names, MEASUREMENTS[read[0]].tags, read[0])
        return
    interval = spoken(interval_ms(question.longest_ms, question.across, question.least_ms))
    for one in query.walk():
        read = list(sources(one, interval))
        if not one.inner and not read:
            yield Fault(Rule.UNKNOWN, question.where, "reads from no measurement (at its longest range)")
        for name in read:
            if name not in MEASUREMENTS:
                yield Fault(Rule.UNKNOWN, question.where, f'there is no measurement "{name}"')
            elif not one.inner:
                measurement = MEASUREMENTS[name]
                named = [*one.fields, *(part.text for part in [*one.where, *one.group] if part.kind is Kind.NAME)]
                yield from _strangers(question, named, measurement.tags | measurement.fields, name)


def _strangers(question: Asked, names: list[str], known: Collection[str], measurement: str) -> Iterator[Fault]:
    for name in sorted({name for name in names if "$" not in name} - set(known)):
        yield Fault(Rule.UNKNOWN, question.where, f'"{measurement}" has no "{name}"')


def _times(question: Asked, query: Select) -> Iterator[Fault]:
    tags = [part.text for part in query.group if part.kind is Kind.NAME]
    if question.form == "table" and len(tags) > 1:
        what = f"a table grouped by {', '.join(tags)}; allowed: one tag, others selected beside the selector"
        yield Fault(Rule.TABLE, question.where, what)
    interval = spoken(interval_ms(question.longest_ms, question.across, question.least_ms))
    for one in query.walk():
        if one.inner:
            continue
        if not any(part.text == "$timeFilter" for part in one.where):
            yield Fault(Rule.TIME_FILTER, question.where, "WHERE has no $timeFilter: it reads all there is")
        raw = [name for name in sources(one, interval) if name in MEASUREMENTS and MEASUREMENTS[name].raw]
        looked_for = {MEASUREMENTS[name].searched for name in sources(one, interval) if name in MEASUREMENTS} - {""}
        if looked_for & {part.text for part in one.where} and question.longest_ms > LONGEST_SEARCH:
            what = f"a search by {', '.join(sorted(looked_for))} over {question.longest_ms // DAY} days"
            yield Fault(Rule.RAW, question.where, f"{what}; allowed: {LONGEST_SEARCH // DAY} days")
        reduced = bool(set(one.functions) & _REDUCE) or one.limit is not None
        if raw and (question.longest_ms > LONGEST_RAW or not reduced):
            yield Fault(
                Rule.RAW,
                question.where,
                f'raw readings of "{raw[0]}" over {question.longest_ms // DAY} days, or each of them;'
                f" allowed: {LONGEST_RAW // DAY} days with a function of them, else the series of periods",
            )
