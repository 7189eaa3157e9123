"""The linter of dashboards' queries: each rule lets a good query pass and names a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.grafana.lint import MOST_POINTS, Rule, lint

TAGS = 'SHOW TAG VALUES FROM "place" WITH KEY = "place"'
VARIABLES = [
    {"name": "ds", "type": "datasource", "query": "influxdb"},
    {"name": "place", "type": "query", "query": TAGS, "multi": True, "includeAll": True, "allValue": ".*"},
    {"name": "one", "type": "query", "query": TAGS},
    {"name": "zone", "type": "constant", "query": "Asia/Shanghai"},
    {"name": "text", "type": "textbox", "query": ""},
]
ALL = '"place" =~ /^${place:regex}$/'
PH = "\"parameter\" = 'ph'"
BY_TIME = "GROUP BY time($__interval) fill(none) tz('${zone}')"
ONE = '"place" =~ /^${one:regex}$/'


def dashboard(query: str, *, since: str = "now-24h", form: str = "time_series", **panel: Any) -> dict[str, Any]:
    """A dashboard of one panel with one query."""
    return {
        "uid": "test",
        "time": {"from": since, "to": "now"},
        "templating": {"list": VARIABLES},
        "panels": [
            {
                "id": 1,
                "type": "timeseries",
                "title": "A",
                "targets": [{"refId": "A", "query": query, "resultFormat": form}],
                **panel,
            }
        ],
    }


def rules(query: str, **more: Any) -> list[Rule]:
    """The rules that a query breaks."""
    return [fault.rule for fault in lint(dashboard(query, **more))]


@pytest.mark.parametrize(
    "query",
    [
        f'SELECT mean("ph") FROM "water" WHERE $timeFilter AND {ONE} GROUP BY time($__interval) fill(none)',
        f'SELECT last("state"), "lat", "lon" FROM "place" WHERE $timeFilter AND {ALL} GROUP BY "place"',
        'SELECT sum("received") / sum("due") AS "rate" FROM "district_1d" WHERE $timeFilter GROUP BY "district"',
        f'SELECT max("max") FROM /^water_[0-9]+[$__interval]$/ WHERE $timeFilter AND {ONE} AND {PH} {BY_TIME}',
        'SELECT sum("n") FROM (SELECT last("open_alerts") AS "n" FROM "place" WHERE $timeFilter GROUP BY "place")',
        'SELECT "container", "net_g" FROM "custody" WHERE $timeFilter AND "container" =~ /^${text:regex}$/ LIMIT 200',
        'SELECT non_negative_difference(last("stored")) FROM "gateway" WHERE $timeFilter GROUP BY time(5m) fill(none)',
        'SELECT last("state") FROM "place" WHERE $timeFilter AND time > ${__to}ms - 10m GROUP BY "place"',
    ],
)
def test_what_our_dashboards_ask_is_allowed(query: str) -> None:
    """Functions, subqueries, time zones, patterns by interval, texts that a person typed."""
    assert lint(dashboard(query)) == []


F = "WHERE $timeFilter"
BROKEN: list[tuple[str, Rule]] = [
    ('from(bucket: "hygeia") |> range(start: -1h)', Rule.UNREADABLE),
    (f'SELECT last("state" FROM "place" {F}', Rule.UNREADABLE),
    (f'SELECT last("state") FROM "place" {F} GROUP BY "place', Rule.UNREADABLE),
    ("SHOW DATABASES", Rule.STATEMENT),
    ('SHOW SERIES FROM "place"', Rule.STATEMENT),
    ("SHOW TAG VALUES CARDINALITY", Rule.CLAUSE),
    ("SHOW SERIES EXACT CARDINALITY", Rule.STATEMENT),
    ('CREATE CONTINUOUS QUERY "q" ON "hygeia" BEGIN', Rule.STATEMENT),
    ('DROP MEASUREMENT "place"', Rule.STATEMENT),
    (f'SELECT last("state") FROM "place" {F}; SHOW DATABASES', Rule.STATEMENT),
    (f'SELECT last("state") FROM "place" {F} GROUP BY "place" SLIMIT 5', Rule.CLAUSE),
    (f'SELECT last("state") FROM "place" {F} GROUP BY "place" SOFFSET 5', Rule.CLAUSE),
    (f'SELECT mean("fired") INTO "other" FROM "alert_load" {F}', Rule.CLAUSE),
    (f'SELECT sample("fired", 3) FROM "alert_load" {F}', Rule.FUNCTION),
    (f'SELECT holt_winters(sum("fired"), 3, 4) FROM "alert_load" {F} GROUP BY time(1h)', Rule.FUNCTION),
    (f'SELECT exponential_moving_average("fired", 3) FROM "alert_load" {F}', Rule.FUNCTION),
    (f'SELECT chande_momentum_oscillator("fired", 3) FROM "alert_load" {F}', Rule.FUNCTION),
    (f'SELECT last(state) FROM "place" {F}', Rule.UNQUOTED),
    (f'SELECT last("state") FROM place {F}', Rule.UNQUOTED),
    ('SELECT last("state") FROM "place"', Rule.TIME_FILTER),
    ('SELECT sum("n") FROM (SELECT last("state") AS "n" FROM "place") WHERE $timeFilter', Rule.TIME_FILTER),
    (f'SELECT last("state") FROM "place" {F} AND "place" =~ /^$place$/', Rule.VARIABLE),
    (f'SELECT last("state") FROM "place" {F} AND "place" =~ /^${{place}}$/', Rule.VARIABLE),
    (f'SELECT last("state") FROM "place" {F} AND "place" =~ /${{place:regex}}/', Rule.VARIABLE),
    (f'SELECT last("state") FROM "place" {F} AND "place" =~ /^ward-${{place:regex}}$/', Rule.VARIABLE),
    (f"""SELECT last("state") FROM "place" {F} AND "place" = '$place'""", Rule.VARIABLE),
    (f"""SELECT last("state") FROM "place" {F} AND "place" = '${{text}}'""", Rule.VARIABLE),
    (f'SELECT last("state") FROM "place" {F} AND "place" =~ /^${{nobody:regex}}$/', Rule.VARIABLE),
    (f'SELECT last("state") FROM "place" {F} AND "open_alerts" > $text', Rule.VARIABLE),
    (f'SELECT last("state") FROM "places" {F}', Rule.UNKNOWN),
    (f'SELECT last("status") FROM "place" {F}', Rule.UNKNOWN),
    (f"""SELECT last("state") FROM "place" {F} AND "disctrict" = 'gulou'""", Rule.UNKNOWN),
    (f'SELECT last("max") FROM /^air_[0-9]+[$__interval]$/ {F}', Rule.UNKNOWN),
    ('SHOW TAG VALUES FROM "place" WITH KEY = "state"', Rule.UNKNOWN),
    (f'SELECT "ph" FROM "water" {F} AND {ONE}', Rule.RAW),
    (f'SELECT mean("max") FROM "water_5m" {F} GROUP BY time($__interval)', Rule.POINTS),
    (f'SELECT sum("due") - sum("received") AS "missing" FROM "water_1h" {F} GROUP BY "place"', Rule.OPENINGS),
    (
        f"""SELECT sum("a"), sum("b") FROM (SELECT last("containers") AS "a", last("net_g") AS "b" FROM "waste_store"
        {F} GROUP BY "place", "category") GROUP BY "place" """,
        Rule.OPENINGS,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("query", "rule"), BROKEN)
def test_what_a_query_may_not_be_is_named(query: str, rule: Rule) -> None:
    """Flux, what 2.x or 3 lack, no time filter, wrong variables, strangers, too much."""
    assert rule in rules(query)


def test_every_rule_has_an_example_that_breaks_it() -> None:
    """No rule is without a test."""
    assert {rule for _, rule in BROKEN} | {Rule.TABLE} == set(Rule)


def test_a_table_is_grouped_by_one_tag() -> None:
    """Grafana reads a table's tags in no fixed order."""
    query = f'SELECT last("state") FROM "place" {F} GROUP BY "place", "unit"'
    assert rules(query, form="table") == [Rule.TABLE]
    assert rules(query) == []


def test_raw_readings_are_for_the_last_days() -> None:
    """A month of one place has to come from the series of periods; a panel may keep to a range of its own."""
    query = f'SELECT mean("ph") FROM "water" {F} AND {ONE} GROUP BY time($__interval)'
    assert rules(query, since="now-7d") == []
    assert Rule.RAW in rules(query, since="now-30d")
    assert rules(query, since="now-30d", timeFrom="24h") == []


def test_the_longest_range_that_is_offered_counts() -> None:
    """A quick range that reads too much is a fault of the panel."""
    query = f'SELECT max("fired"), max("flood") FROM "alert_load" {F} GROUP BY time($__interval)'
    made = dashboard(query)
    assert lint(made) == []
    made["timepicker"] = {"quick_ranges": [{"display": "60 d", "from": "now-60d", "to": "now"}]}
    (fault,) = lint(made)
    assert str(fault) == f"panel 1 'A': reads 138240 points at worst; allowed: {MOST_POINTS} [points]"


def test_queries_of_one_panel_are_counted_together() -> None:
    """Two that pass alone may be too much together."""
    query = f'SELECT max("fired") FROM "alert_load" {F} GROUP BY time($__interval)'
    made = dashboard(query, since="now-30d")
    assert lint(made) == []
    made["panels"][0]["targets"] *= 2
    assert [fault.rule for fault in lint(made)] == [Rule.POINTS]


def test_queries_of_variables_and_annotations_are_looked_at() -> None:
    """They reach the database like any other."""
    made = dashboard(f'SELECT last("state") FROM "place" {F}')
    made["templating"] = {"list": [*VARIABLES, {"name": "d", "type": "query", "query": "SHOW DATABASES"}]}
    made["annotations"] = {"list": [{"name": "Alerts", "target": {"query": 'SELECT "alert_id" FROM "alert"'}}]}
    found = lint(made)
    assert [fault.rule for fault in found] == [Rule.STATEMENT, Rule.CLAUSE, Rule.TIME_FILTER]
    assert [fault.where.split()[0] for fault in found] == ["variable", "variable", "annotation"]


def test_panels_in_folded_rows_are_looked_at() -> None:
    """They are asked when the row is opened."""
    made = dashboard("SHOW DATABASES")
    made["panels"] = [{"id": 9, "type": "row", "collapsed": True, "panels": made["panels"]}]
    assert Rule.STATEMENT in [fault.rule for fault in lint(made)]


def test_a_search_by_container_is_for_a_week() -> None:
    """No index leads to a container, so its query reads what all containers of the range did."""
    query = f'SELECT "step" FROM "custody" {F} AND "container" =~ /^${{text:regex}}$/ ORDER BY time LIMIT 500'
    assert rules(query, since="now-7d") == []
    assert rules(query, since="now-30d") == [Rule.RAW]


def test_a_limit_bounds_what_is_read_only_where_no_field_is_tested() -> None:
    """Rows that a test of a field throws away are read all the same."""
    query = f"""SELECT "fired" FROM "alert_load" {F} AND "district" =~ /^.*$/ LIMIT 10"""
    assert rules(query, since="now-90d") == []
    assert rules(query.replace(" LIMIT", ' AND "flood" > 0 LIMIT'), since="now-90d") == [Rule.POINTS]


def test_a_place_stands_in_one_of_several_measurements() -> None:
    """Where one place is fixed, the largest kind counts; else all of them."""
    source = "/^(water|store_climate|radiation)_[0-9]+[$__interval]$/"
    query = f'SELECT mean("max") FROM {source} {F} AND {ONE} GROUP BY time($__interval)'
    assert rules(query, interval="5m", maxDataPoints=360) == []
    every = dashboard(query.replace(ONE, ALL), interval="5m", maxDataPoints=360)
    assert str(lint(every)[-1]).endswith(f"reads {3 * 2000 * 6 * 288} points at worst; allowed: 50000 [points]")
