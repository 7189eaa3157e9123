"""The runner of dashboards' queries asks as Grafana asks, and lets nothing wrong pass."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.grafana.asked import DAY, Asked
from dashboards.grafana.weigh import interval_ms, spoken
from tests.support.grafana_queries import Answer, Influx, backend, interpolate, problems, run

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("query", "choice", "asked"),
    [
        ("/^${a:regex}$/", {"a": "x.y/z"}, r"/^x\.y\/z$/"),
        ("/^${a:regex}$/", {"a": ["x", "y|z"]}, r"/^(x|y\|z)$/"),
        ("/^${a:regex}$/", {"a": ["x"]}, "/^x$/"),
        ("/^${a:regex}$/", {"a": ".*"}, "/^.*$/"),
        ("/^$a$/", {"a": ["x", "y"]}, "/^x|y$/"),
        ("tz('${zone}')", {"zone": "Asia/Shanghai"}, "tz('Asia/Shanghai')"),
        ("${a:text}", {"a": ["x", "y"]}, "x + y"),
        ("$timeFilter ${b}", {"a": "x"}, "$timeFilter ${b}"),
    ],
)
def test_variables_are_put_in_as_the_plugin_does(query: str, choice: Any, asked: str) -> None:
    """Escaped and in brackets as a regex; All as it is; without a form joined without brackets, which is the trap."""
    assert interpolate(query, choice) == asked


@pytest.mark.parametrize(
    ("range_ms", "across", "least", "name"),
    [
        (24 * HOUR, 1500, 0, "1m"),
        (24 * HOUR, 360, 300_000, "5m"),
        (7 * DAY, 360, 0, "30m"),
        (30 * DAY, 360, 0, "2h"),
        (90 * DAY, 10, 0, "7d"),
        (60_000, 100, 0, "500ms"),
    ],
)
def test_the_interval_is_grafanas(range_ms: int, across: int, least: int, name: str) -> None:
    """Rounded as its front end rounds, written as its back end writes."""
    assert spoken(interval_ms(range_ms, across, least)) == name


def test_the_back_end_replaces_its_own_in_order() -> None:
    """``$__interval_ms`` before ``$__interval``, of which it begins."""
    question = Asked("panel", "panel", 1, "A", "", across=1440)
    text = backend("$timeFilter $__interval_ms $__interval", 0, DAY, question)
    assert text == f"time >= 0ms and time <= {DAY}ms 60000 1m"
    assert backend("time > ${__to}ms - 10m", 0, DAY, question) == f"time > {DAY}ms - 10m"


class Scripted(Influx):
    """A server that answers by what a statement holds."""

    def __init__(self, answers: dict[str, list[str] | str]) -> None:
        super().__init__("http://127.0.0.1:1", "none")
        self.answers = answers
        self.asked: list[str] = []

    def ask(self, statement: str) -> Answer:
        """The first answer whose key is in the statement; a text is an error, a list are values."""
        self.asked.append(statement)
        found = next((values for key, values in self.answers.items() if key in statement), [])
        if isinstance(found, str):
            return Answer(found, [])
        return Answer("", [{"columns": ["key", "value"], "values": [["k", one] for one in found]}])


def board(query: str, **panel: Any) -> dict[str, Any]:
    """A dashboard of two variables, the second within the first, and one panel."""
    names = [
        {"name": "place", "type": "query", "query": "PLACES ${district:regex}", "multi": True, "includeAll": True},
        {"name": "district", "type": "query", "query": "DISTRICTS", "multi": True, "includeAll": True},
    ]
    target = {"refId": "A", "query": query}
    return {
        "uid": "b",
        "time": {"from": "now-1h"},
        "templating": {"list": names},
        "panels": [{"id": 1, "title": "P", "targets": [target], **panel}],
    }


CITY: dict[str, list[str] | str] = {"DISTRICTS": ["d1", "d2"], "PLACES": ["p1", "p2"]}


def test_all_and_one_value_of_each_variable_are_asked() -> None:
    """In the order in which variables depend on each other; the next value where the first has no rows."""
    influx = Scripted(CITY | {"ROWS (d1|d2) p2": ["x"], "ROWS (d1|d2) (p1|p2)": ["x"], "ROWS d1 (p1|p2)": ["x"]})
    ran = list(run(influx, [board("ROWS ${district:regex} ${place:regex}")], now_ms=DAY))
    assert problems(ran) == []
    assert [(one.selection, one.statement) for one in ran if one.question.by == "panel"] == [
        ("all", "ROWS (d1|d2) (p1|p2)"),
        ("one district", "ROWS d1 (p1|p2)"),
        ("one place", "ROWS (d1|d2) p2"),
    ]
    assert influx.asked[:2] == ["DISTRICTS", "PLACES (d1|d2)"]


@pytest.mark.parametrize(
    ("query", "answers", "said"),
    [
        ("ROWS", {}, "b panel 1 [all]: no rows"),
        ("ROWS", {"ROWS": "error parsing query"}, "error parsing query: ROWS"),
        ("ROWS $x", {"ROWS": ["x"]}, "$x is left over"),
        ("ROWS ${x:regex}", {"ROWS": ["x"]}, "${x is left over"),
    ],
)
def test_what_is_wrong_with_a_panel_is_named(query: str, answers: dict[str, Any], said: str) -> None:
    """No rows, the server's words, something that nobody replaced."""
    found = problems(run(Scripted(CITY | answers), [board(query)], now_ms=DAY))
    assert any(said in line for line in found), found


def test_a_variable_without_values_is_named() -> None:
    """It would leave an officer without a choice."""
    found = problems(run(Scripted({"PLACES": ["p"], "ROWS": ["x"]}), [board("ROWS")], now_ms=DAY))
    assert found == ["b variable district [all]: no rows"]


def test_one_empty_query_of_a_panel_is_no_fault() -> None:
    """A panel shows something as long as one of its queries does."""
    two = [{"refId": "A", "query": "ROWS"}, {"refId": "B", "query": "NOTHING"}]
    assert problems(run(Scripted(CITY | {"ROWS": ["x"]}), [board("", targets=two)], now_ms=DAY)) == []


def test_a_panel_with_a_range_of_its_own_is_asked_for_it() -> None:
    """Whatever range the dashboard has."""
    influx = Scripted(CITY | {"ROWS": ["x"]})
    list(run(influx, [board("ROWS $timeFilter", timeFrom="15m")], now_ms=DAY))
    assert influx.asked[-1] == f"ROWS time >= {DAY - 900_000}ms and time <= {DAY}ms"
