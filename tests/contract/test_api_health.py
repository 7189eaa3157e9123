"""Health, metrics, documentation and the shell of the page."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.accounts import ROLES
from gateway.api.app import build_app
from gateway.api.docs import as_openapi_30
from gateway.api.permissions import PERMISSIONS
from gateway.api.services import Lag
from tests.conftest import ROOT
from tests.plugins.fake_services import FakeServices
from tests.plugins.http_caller import Caller


@pytest.mark.parametrize(("standing", "status"), [("ok", 200), ("behind", 200), ("held", 503), ("down", 503)])
async def test_readiness_is_that_of_the_worst_follower(
    services: FakeServices, caller: Caller, standing: Any, status: int
) -> None:
    """Being behind is no fault; being held or down is. The process itself lives."""
    services.followers["store"] = Lag(10, 90, standing, "words")
    reply = await caller.get("/readyz")
    assert reply.status == status
    assert reply.json()["followers"]["store"] == {"cursor": 10, "behind": 90, "state": standing, "words": "words"}
    assert (await caller.get("/healthz")).status == 200


async def test_metrics_show_counters_and_followers(city: FakeServices, city_caller: Caller) -> None:
    """In Prometheus' text format."""
    await city_caller.get("/api/v1/places")
    text = (await city_caller.get("/metrics")).text
    assert "hygeia_messages_journaled_total 2016.0" in text
    assert "hygeia_messages_parked 3.0" in text
    assert 'hygeia_alerts_standing{severity="major"} 1.0' in text
    assert 'hygeia_follower_state{follower="store",state="ok"} 1.0' in text
    assert 'hygeia_http_requests_total{method="GET",status="200"} 1.0' in text
    assert "lost" not in text


async def test_every_metric_is_documented(city_caller: Caller) -> None:
    """The table of docs/metrics.md holds exactly the metrics there are, each named hygeia_…."""
    families = {family.name for family in text_string_to_metric_families((await city_caller.get("/metrics")).text)}
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE)
    documented = {name.removesuffix("_total") for name in table}
    assert {name.removesuffix("_total") for name in families} - {"hygeia_http_request_seconds_created"} <= documented
    assert documented <= {name.removesuffix("_total") for name in families}
    assert all(name.startswith("hygeia_") for name in families)


async def test_two_apps_have_metrics_of_their_own(services: FakeServices, caller: Caller) -> None:
    """A test or a second gateway in one process counts apart."""
    other = Caller(build_app(services))
    await caller.get("/healthz")
    assert "hygeia_http_requests_total{" not in (await other.get("/metrics")).text


async def test_the_description_is_openapi_30_throughout(caller: Caller) -> None:
    """Nothing of 3.1 is left that Swagger UI 4 cannot read, and every reference leads somewhere."""
    document = (await caller.get("/openapi.json")).json()
    assert document["openapi"] == "3.0.3"
    for path in ("units", "places", "devices", "readings", "alerts", "containers", "parked", "commands", "files"):
        assert f"/api/v1/{path}" in document["paths"]
    for node in nodes(document):
        assert node.get("type") != "null"
        assert not isinstance(node.get("type"), list)
        assert "const" not in node
        assert not isinstance(node.get("exclusiveMinimum", False), int) or isinstance(
            node.get("exclusiveMinimum", False), bool
        )
        reference = node.get("$ref")
        if reference is not None:
            at: Any = document
            for step in reference.removeprefix("#/").split("/"):
                at = at[step]


def nodes(node: Any) -> list[dict[str, Any]]:
    """Every object inside a JSON document."""
    if isinstance(node, list):
        return [inner for one in node for inner in nodes(one)]
    if not isinstance(node, dict):
        return []
    return [node, *[inner for one in node.values() for inner in nodes(one)]]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "A"},
            {"title": "A", "type": "string", "nullable": True},
        ),
        (
            {"anyOf": [{"$ref": "#/x"}, {"type": "null"}]},
            {"allOf": [{"$ref": "#/x"}], "nullable": True},
        ),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
        ),
        ({"const": "x", "type": "string"}, {"type": "string", "enum": ["x"]}),
        ({"exclusiveMinimum": 3}, {"minimum": 3, "exclusiveMinimum": True}),
        ({"examples": [1, 2]}, {"example": 1}),
    ],
)
def test_openapi_31_is_said_in_the_words_of_30(given: Any, wanted: Any) -> None:
    """The differences that FastAPI's documents have."""
    assert as_openapi_30(given) == wanted


@pytest.mark.parametrize(
    ("header", "cookie", "lang"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", None, "zh-CN"),
        ("en-GB,en;q=0.9", None, "en"),
        ("fr,en;q=0.5", None, "en"),
        ("", None, "zh-CN"),
        ("de", None, "zh-CN"),
        ("en;q=garbage, zh;q=0.1", None, "zh-CN"),
        ("en", "zh", "zh-CN"),
        ("zh", "en", "en"),
        ("en", "xx", "en"),
    ],
)
async def test_the_page_speaks_the_language_of_its_reader(
    caller: Caller, header: str, cookie: str | None, lang: str
) -> None:
    """Chosen before asked for; Chinese where nothing fits."""
    if cookie:
        caller.cookies["hygeia_lang"] = cookie
    assert f'<html lang="{lang}"' in (await caller.get("/", {"accept-language": header})).text


def test_both_languages_have_the_same_words() -> None:
    """No key is missing in either."""
    folder = ROOT / "dashboards" / "pages" / "static"
    zh, en = (json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("zh", "en"))
    assert keys(zh) == keys(en)


def keys(texts: dict[str, Any], prefix: str = "") -> set[str]:
    """Every key of the texts with its path."""
    found: set[str] = set()
    for name, value in texts.items():
        found |= keys(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name}
    return found


def test_nothing_of_the_page_comes_from_outside() -> None:
    """No address of another host stands in its files."""
    folder = ROOT / "dashboards" / "pages"
    for path in [one for one in folder.rglob("*") if one.is_file() and not one.name.startswith("LICENSE")]:
        text = path.read_text(encoding="utf-8")
        if "vendor" in path.parts:  # what others wrote cites its sources in comments
            text = re.sub(r"(?m)^\s*(?:\*|//|/\*).*$", "", text)
        addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text))
        assert addresses <= {"http://www.w3.org"}, path


async def test_every_path_is_in_the_documentation(looking: Caller) -> None:
    """docs/http.md names each path of the API."""
    written = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
    paths = (await looking.get("/openapi.json")).json()["paths"]
    assert [path for path in paths if path not in written] == []


def test_the_table_of_roles_is_that_of_the_code() -> None:
    """docs/accounts.md shows the permissions of each role."""
    written = (ROOT / "docs" / "accounts.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|[^|]*\| (.*) \|$", written, re.MULTILINE))
    assert set(rows) == set(PERMISSIONS) == set(ROLES)
    for role, permissions in PERMISSIONS.items():
        assert set(re.findall(r"`(\w+)`", rows[role])) == permissions
