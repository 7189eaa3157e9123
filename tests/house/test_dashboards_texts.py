"""All dashboards together: both languages say the same, every text is translated, links lead somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from dashboards.grafana import links, look
from dashboards.grafana.build import DASHBOARDS, build
from dashboards.grafana.definitions import RATES
from dashboards.grafana.network_comparison import KINDS
from dashboards.grafana.words import LANGUAGES, Language
from devices.model import PlaceKind
from gateway.api import pages

ROOT = Path(__file__).resolve().parents[2]
#: Keys whose values are words of a language; everything else is the same in both.
WORDS = {"title", "description", "label", "text", "display", "noValue", "name", "content", "alias", "tooltip"}
#: Besides them: the words of choices and columns, and the two places where the language itself is named.
ALSO = {"query", "value", "options", "uid", "tags", "url", "displayName", "indexByName", "fillBelowTo"}
#: Keys of texts that people read.
READ = {"title", "description", "label", "text", "display", "noValue", "content"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: What stands in a text and is no word: expressions, units, codes.
NO_WORDS = re.compile(r"\$\{[^}]*\}|\$\w+|\bpH\b|\bHygeia\b|[A-Z]\b|\b(Point|wtp)-\d+\b|[^A-Za-z\u4e00-\u9fff]")
#: Panels of these types say all by their title; the others say what is shown and whence.
PLAIN = {"stat", "row", "text"}
Json = dict[str, Any]


def boards(language: Language) -> dict[str, Json]:
    """All dashboards of a language by uid."""
    return {uid: json.loads(text) for uid, text in build(language).items()}


MADE: dict[Language, dict[str, Json]] = {language: boards(language) for language in LANGUAGES}
ALL = [(uid, board) for made in MADE.values() for uid, board in made.items()]
each = pytest.mark.parametrize(("uid", "board"), ALL, ids=[uid for uid, _ in ALL])


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is neither object nor list, with the keys that lead to it."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from leaves(value, (*path, str(index)))
    else:
        yield path, node


def panels(board: Json) -> Iterator[Json]:
    """Panels and rows, those in folded rows too."""
    for one in board["panels"]:
        yield one
        yield from one.get("panels", ())


def texts(board: Json) -> Iterator[tuple[tuple[str, ...], str]]:
    """What a person reads: titles, descriptions, labels, words of codes, columns and choices."""
    variables = [one for one in board["templating"]["list"] if one["type"] not in {"constant", "textbox"}]
    for path, value in leaves(board | {"templating": variables}):
        if path[-1] in READ and isinstance(value, str) and value != "All":
            yield path, value
    for one in panels(board):
        for override in one.get("fieldConfig", {}).get("overrides", ()):
            for said in override["properties"]:
                if said["id"] == "displayName":
                    yield (str(one["id"]), "displayName"), said["value"]


@pytest.mark.parametrize("name", list(DASHBOARDS))
def test_both_languages_are_one_dashboard(name: str) -> None:
    """Same panels, ids, places, queries and colours; they differ in words only."""
    zh, en = (dict(leaves(MADE[language][f"{name.replace('_', '-')}-{language}"])) for language in LANGUAGES)
    ordered = {path[:-1] for path in (*zh, *en) if "indexByName" in path}
    assert {path for path in zh if path[:-1] not in ordered} == {path for path in en if path[:-1] not in ordered}
    differing = {path for path in zh if path in en and zh[path] != en[path]}
    assert [path for path in differing if not set(path) & (WORDS | ALSO)] == []


@each
def test_every_text_is_in_its_language(uid: str, board: Json) -> None:
    """No Chinese in an English dashboard, and no text of a Chinese one that is in English letters only."""
    if uid.endswith("-en"):
        assert [(path, text) for path, text in texts(board) if CHINESE.search(text)] == []
    else:
        foreign = [one for one in texts(board) if not CHINESE.search(one[1]) and len(NO_WORDS.sub("", one[1])) > 1]
        assert foreign == []


@each
def test_ids_are_given_once_and_every_panel_says_what_it_shows(uid: str, board: Json) -> None:
    """An id names one panel for ever; what a graph or a table shows stands in its description."""
    numbers = [one["id"] for one in panels(board)]
    assert sorted(set(numbers)) == sorted(numbers), uid
    assert min(numbers) > 0
    assert [one["id"] for one in panels(board) if one["type"] not in PLAIN and not one.get("description")] == []
    assert [one["id"] for one in panels(board) if not one.get("title")] == []


@each
def test_rates_are_printed_with_their_definitions(uid: str, board: Json) -> None:
    """A panel that works a rate out says what it means, in the words of definitions.py."""
    language: Language = "zh" if uid.endswith("-zh") else "en"
    for one in panels(board):
        asked = " ".join(target.get("query", "") for target in one.get("targets", ()))
        for rate in RATES.values():
            if rate.formula in asked:
                said = rate.definition.zh if language == "zh" else rate.definition.en
                assert said in one.get("description", ""), (uid, one["id"])


@each
def test_links_lead_to_dashboards_and_pages_that_exist(uid: str, board: Json) -> None:
    """With variables that the other dashboard has; pages are those that the gateway serves."""
    urls = [value for path, value in leaves(board) if path[-1] == "url"]
    assert urls, uid
    for url in urls:
        # Ids of the field are in whole: a slash or an ampersand in one leads nowhere else.
        assert all(one.endswith(":percentencode") for one in re.findall(r"\$\{(__(?:data|field)[^}]*)\}", url)), url
        if url.startswith("/d/"):
            target, _, said = url.removeprefix("/d/").partition("?")
            other = MADE["zh" if uid.endswith("-zh") else "en"][target]
            known = {one["name"] for one in other["templating"]["list"]}
            assert set(re.findall(r"var-(\w+)=", said)) <= known, url
        else:
            assert url.startswith(links.GATEWAY + "/"), url
            page = re.sub(r"\$\{[^}]*\}", "{}", url.removeprefix(links.GATEWAY)).partition("?")[0]
            assert page in links.PAGES, url


def test_the_pages_that_dashboards_name_are_served() -> None:
    """By the gateway's own routes."""
    served = {re.sub(r"\{[^}]*\}", "{}", one.path) for one in pages.router.routes if isinstance(one, APIRoute)}
    assert set(links.PAGES) <= served


@each
def test_nothing_is_loaded_from_outside(uid: str, board: Json) -> None:
    """No address but the gateway's own, and a map has outlines in the place of tiles."""
    addresses = {value for _, value in leaves(board) if isinstance(value, str) and "://" in value}
    assert addresses <= {"http://127.0.0.1:8080"}, uid
    maps = [one for one in panels(board) if one["type"] == "geomap"]
    for one in maps:
        assert one["options"]["basemap"]["type"] == "geojson"
        assert one["options"]["basemap"]["config"]["src"].startswith("public/maps/")
    assert bool(maps) == uid.startswith("city-overview")


@each
def test_every_variable_is_used(uid: str, board: Json) -> None:
    """By a query, a title, a repeat or a link: one that changes nothing misleads."""
    for one in board["templating"]["list"]:
        name = one["name"]
        rest = [other for other in board["templating"]["list"] if other is not one]
        others = [value for _, value in leaves(board | {"templating": rest})]
        used = re.compile(rf"\$\{{{name}[:}}]|\${name}\b")
        repeated = any(panel.get("repeat") == name for panel in panels(board))
        expected = name in {"ds", "time_zone", "gateway_url"} or repeated
        assert expected or any(used.search(value) for value in others if isinstance(value, str)), (uid, name)


def test_the_gateways_address_is_where_the_builder_says() -> None:
    """It stands in one constant of each dashboard, without the slash at its end."""
    for text in build("en", "https://hygeia.example/gw/", "Asia/Urumqi").values():
        constants = {
            one["name"]: one["query"] for one in json.loads(text)["templating"]["list"] if one["type"] == "constant"
        }
        assert constants == {"gateway_url": "https://hygeia.example/gw", "time_zone": "Asia/Urumqi"}
        assert "127.0.0.1" not in text


def test_dashboards_are_the_same_each_time() -> None:
    """Built again, and by another process with another order of hashes."""
    program = "from dashboards.grafana.build import build; print(*build('zh').values(), *build('en').values(), sep='')"
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], cwd=ROOT, env={"PYTHONHASHSEED": "7", "PYTHONUTF8": "1"},
        check=True, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert made.stdout == "".join([*build("zh").values(), *build("en").values()]) + "\n"


def test_words_of_codes_are_those_of_the_pages() -> None:
    """A severity and a state are called the same in Grafana and in the gateway's pages."""
    for language in LANGUAGES:
        said = json.loads((ROOT / f"dashboards/pages/static/{language}.json").read_text(encoding="utf-8"))
        for codes, key in ((look.SEVERITIES, "severities"), (look.ALERT_STATES, "states")):
            for code, (words, _) in codes.items():
                assert getattr(words, language).lower() == said[key][code].lower(), (language, code)


def test_kinds_of_points_are_those_of_the_registry() -> None:
    """What the comparison offers can stand in a registry."""
    assert set(KINDS) <= set(PlaceKind.__args__)  # type: ignore[attr-defined]


def test_the_sdk_is_of_the_line_that_we_know() -> None:
    """Without the pin an installer takes an old build whose epoch makes it look newest, 1769699998!10.1.0."""
    assert version("grafana-foundation-sdk").removeprefix("v") == "0.0.21"
    assert '"grafana-foundation-sdk==0.0.21"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_dashboard_and_rate_stands_in_the_docs() -> None:
    """With its titles in both languages, and with the definition that is printed."""
    page = re.sub(r"\s+", " ", (ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8"))
    for zh, en in zip(MADE["zh"].values(), MADE["en"].values(), strict=True):
        assert f"| {en['title']} {zh['title']} |" in page
    for rate in RATES.values():
        assert rate.definition.en in page, rate.name.en
