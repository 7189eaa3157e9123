"""The framework of dashboards: how panels lie, what targets, variables and columns become, what is read."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dashboards.grafana import links, panels, query, variables, weigh
from dashboards.grafana.board import Board
from dashboards.grafana.look import FLAGS, Column, Look
from dashboards.grafana.words import LANGUAGES, Scene, Words

ZH, EN = Scene("zh"), Scene("en")
TITLE = Words("标题", "Title")
ASK = query.table(query.select('last("state")', "place", query.where("district"), 'GROUP BY "place"'))


def said(board: Board) -> dict[str, Any]:
    """A dashboard as it is written."""
    found: dict[str, Any] = json.loads(board.text())
    return found


def board(scene: Scene = EN) -> Board:
    """A dashboard without panels."""
    return Board(scene, "a_board", TITLE, TITLE, ranges=("24h", "7d"))


def panel(number: int, size: tuple[int, int], **shared: Any) -> Any:
    """A panel with one query."""
    return panels.stat(EN, panels.Head(number, TITLE, TITLE, size), [ASK], **shared)


def places(made: dict[str, Any]) -> dict[int, tuple[int, int]]:
    """Where the panels lie: {id: (x, y)}."""
    return {one["id"]: (one["gridPos"]["x"], one["gridPos"]["y"]) for one in made["panels"]}


def test_panels_flow_and_wrap_where_the_grid_ends() -> None:
    """From left to right, below the highest of the line above where no room is left, and below a row's title."""
    made = board()
    made.add(panel(1, (12, 4)))
    made.add(panel(2, (10, 6)))
    made.add(panel(3, (6, 4)))
    made.row(4, TITLE)
    made.add(panel(5, (24, 4)))
    assert places(said(made)) == {1: (0, 0), 2: (12, 0), 3: (0, 6), 4: (0, 10), 5: (0, 11)}


def test_a_stack_is_one_column_beside_a_high_panel() -> None:
    """Its panels lie one under the other, and the next line begins below all of them."""
    made = board()
    made.add(panel(1, (14, 18)))
    made.stack(panel(2, (10, 9)), panel(3, (10, 12)))
    made.add(panel(4, (24, 4)))
    assert places(said(made)) == {1: (0, 0), 2: (14, 0), 3: (14, 9), 4: (0, 21)}


def test_a_folded_row_holds_its_panels() -> None:
    """Panels after a collapsed row stand inside it, until the next row."""
    made = board()
    made.row(1, TITLE, collapsed=True)
    made.add(panel(2, (6, 4)))
    made.row(3, TITLE)
    made.add(panel(4, (6, 4)))
    found = said(made)["panels"]
    assert [one["id"] for one in found] == [1, 3, 4]
    assert [one["id"] for one in found[0]["panels"]] == [2]


def test_the_sdk_hides_nothing_of_ours() -> None:
    """Links and annotations stand on the dashboard: the SDK would put each of them into a menu."""
    made = board()
    made.link(TITLE, links.page(TITLE, "/alerts").url)
    made.annotate(TITLE, ASK, "#000000", text="rule")
    found = said(made)
    assert [one.get("placement") for one in found["links"] + found["annotations"]["list"]] == [None, None, None]
    assert found["annotations"]["list"][0]["target"]["textColumn"] == "rule"


def test_ranges_are_offered_in_the_language_and_the_first_is_taken() -> None:
    """The time picker offers what the limit of points was counted for."""
    found = said(board(ZH))
    assert found["time"] == {"from": "now-24h", "to": "now"}
    assert [one["display"] for one in found["timepicker"]["quick_ranges"]] == ["最近 24 小时", "最近 7 天"]


def test_a_target_is_raw_influxql_of_the_dashboards_data_source() -> None:
    """The keys of Grafana's InfluxDB plugin."""
    made = board()
    made.add(panels.graph(EN, panels.Head(1, TITLE, TITLE, (12, 8)), [query.series("SELECT 1", alias="$tag_place")]))
    assert said(made)["panels"][0]["targets"] == [
        {
            "refId": "A",
            "datasource": {"type": "influxdb", "uid": "${ds}"},
            "rawQuery": True,
            "query": "SELECT 1",
            "resultFormat": "time_series",
            "alias": "$tag_place",
        }
    ]


def test_queries_are_put_together_with_variables_in_brackets() -> None:
    """Several values stand as a regular expression of their own, days are those of the installation."""
    text = query.select(
        query.MEAN, query.auto("water"), query.where("place", also='"valid" > 0'), query.by_time("point")
    )
    assert text == (
        'SELECT sum("sum") / sum("valid") FROM /^water_[0-9]+[$__interval]$/ '
        'WHERE $timeFilter AND "place" =~ /^${place:regex}$/ AND "valid" > 0 '
        "GROUP BY time($__interval), \"point\" fill(none) tz('${time_zone}')"
    )


@pytest.mark.parametrize("hours", [1, 6, 24, 30, 45, 7 * 24, 30 * 24, 90 * 24, 366 * 24, 3 * 366 * 24])
@pytest.mark.parametrize("across", [query.ACROSS_TABLE, 90, 100, query.ACROSS])
def test_each_range_reads_one_series_of_periods(hours: int, across: int) -> None:
    """Whatever interval Grafana takes, one of 5m, 1h and 1d is read, its windows fill the interval, and are few."""
    hour = 3_600_000
    interval = weigh.interval_ms(hours * hour, across, least_ms=hour // 12)
    pattern = query.auto("water").removeprefix("FROM /").removesuffix("/")
    pattern = pattern.replace("$__interval", weigh.spoken(interval))
    windows = {"water_5m": hour // 12, "water_1h": hour, "water_1d": 24 * hour}
    read = [name for name in (*windows, "water", "store_water_1h", "district_1h") if re.search(pattern, name)]
    assert len(read) == 1
    assert interval % windows[read[0]] == 0
    assert read == ["water_1d"] or hours * hour // windows[read[0]] <= across * 24


def test_all_stands_for_every_value_without_naming_them() -> None:
    """A choice of several has a pattern for All, so that a query does not carry 2,000 names; a single one has none."""
    several = variables.tag_values(EN, "place", TITLE, measurement="place", within=("district",))
    single = variables.tag_values(EN, "inlet", TITLE, measurement="place", key="place", multi=False)
    assert several.query == 'SHOW TAG VALUES FROM "place" WITH KEY = "place" WHERE "district" =~ /^${district:regex}$/'
    assert (several.all_value, single.all_value) == (".*", None)
    assert single.query == 'SHOW TAG VALUES FROM "place" WITH KEY = "place"'


def test_a_choice_has_translated_texts_and_the_same_values() -> None:
    """The text form that Grafana reads is not broken by a comma or a colon of a text."""
    options = {"ph": Words("pH值", "pH"), "temperature": Words("温度: 现场, 水", "Temperature")}
    made = variables.choice(ZH, "parameter", TITLE, options, chosen=("temperature",))
    assert made.query == "pH值 : ph, 温度： 现场， 水 : temperature"
    assert made.current is not None
    assert made.current.value == "temperature"


def test_constants_are_not_taken_from_an_address() -> None:
    """Nobody sends a link that makes a dashboard lead to another gateway."""
    found = {one["name"]: one for one in said(board())["templating"]["list"]}
    assert {name for name, one in found.items() if one["type"] == "constant"} == {"gateway_url", "time_zone"}
    assert all(one["skipUrlSync"] for one in found.values() if one["type"] == "constant")


def test_a_column_says_only_what_it_has_of_its_own() -> None:
    """Name, codes with colours, width, links; nothing where the panel's own look holds."""
    column = Column(TITLE, Look(codes=FLAGS, links=[links.page(TITLE, "/alerts")], custom={"x": 1}), 90)
    made = panel(1, (6, 4), columns={"flag": column, "/^a /": Column(panels.NOTHING, Look(unit="s"))})
    first, second = made.field_config.overrides
    assert [one.id_val for one in first.properties] == ["displayName", "mappings", "links", "custom.width", "custom.x"]
    assert (first.matcher.id_val, second.matcher.id_val, second.matcher.options) == ("byName", "byRegexp", "/^a /")
    assert [one.id_val for one in second.properties] == ["unit"]


def test_a_table_is_sorted_by_the_words_of_its_column() -> None:
    """Grafana sorts by the name that is shown."""
    head = panels.Head(1, TITLE, TITLE, (24, 8))
    for language in LANGUAGES:
        scene = Scene(language)
        made = panels.table(scene, head, [ASK], sort_by="state", columns={"state": Column(TITLE)}, hide=("Time",))
        assert made.options.sort_by[0].display_name == scene.say(TITLE)
        assert made.transformations[0].options["excludeByName"] == {"Time": True}


def test_cells_of_a_table_take_the_colour_of_their_value() -> None:
    """Grafana colours no cell by itself; one that is filled stays filled."""
    head = panels.Head(1, TITLE, TITLE, (24, 8))
    filled = Look(by_value=True, custom={"cellOptions": {"type": "color-background"}})
    columns = {"a": Column(TITLE, Look(by_value=True)), "b": Column(TITLE, filled), "c": Column(TITLE)}
    made = panels.table(EN, head, [ASK], columns=columns)
    assert made.field_config is not None
    cells = [
        [one.value for one in override.properties if one.id_val == "custom.cellOptions"]
        for override in made.field_config.overrides
    ]
    assert cells == [[{"type": "color-text"}], [{"type": "color-background"}], []]
