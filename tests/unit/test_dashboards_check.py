"""The check of a dashboard's JSON: Grafana's schema, our targets, and what keeps a dashboard in place."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dashboards.grafana.check import faults, parse

SOURCE = {"type": "influxdb", "uid": "${ds}"}


def good() -> dict[str, Any]:
    """A dashboard without faults."""
    return copy.deepcopy(
        {
            "uid": "test",
            "title": "Test",
            "schemaVersion": 42,
            "time": {"from": "now-24h", "to": "now"},
            "templating": {"list": [{"name": "ds", "type": "datasource", "query": "influxdb"}]},
            "annotations": {"list": []},
            "panels": [
                {
                    "id": 1,
                    "type": "stat",
                    "title": "Open alerts",
                    "datasource": SOURCE,
                    "gridPos": {"h": 4, "w": 6, "x": 0, "y": 0},
                    "options": {"colorMode": "value", "graphMode": "none"},
                    "fieldConfig": {"defaults": {"thresholds": {"mode": "absolute", "steps": []}}, "overrides": []},
                    "targets": [
                        {
                            "refId": "A",
                            "datasource": SOURCE,
                            "rawQuery": True,
                            "query": 'SELECT last("open_alerts") FROM "gateway" WHERE $timeFilter',
                            "resultFormat": "time_series",
                        }
                    ],
                }
            ],
        }
    )


def panel(made: dict[str, Any]) -> dict[str, Any]:
    """Its one panel."""
    found: dict[str, Any] = made["panels"][0]
    return found


def test_a_good_dashboard_has_no_fault() -> None:
    """The one that the others are broken copies of."""
    assert faults(good()) == []


COLOURLESS = {
    "type": "table",
    "options": {},
    "fieldConfig": {
        "defaults": {},
        "overrides": [
            {
                "matcher": {"id": "byName", "options": "oldest_h"},
                "properties": [{"id": "color", "value": {"mode": "thresholds"}}],
            }
        ],
    },
}
Break = Callable[[dict[str, Any]], Any]
BREAKS: dict[str, tuple[Break, str]] = {
    "a wrong enum": (
        lambda made: panel(made)["fieldConfig"]["defaults"]["thresholds"].update(mode="relative"),
        "panels.0.fieldConfig.defaults.thresholds.mode",
    ),
    "a wrong type": (lambda made: made.update(title=7), "title: 7 is not of type"),
    "a wrong type deep down": (lambda made: panel(made)["gridPos"].update(w="6"), "panels.0.gridPos.w"),
    "a misspelt key": (lambda made: made.update(schemaVersoin=42), "schemaVersoin"),
    "a misspelt option of a kind": (lambda made: panel(made)["options"].update(colourMode="value"), "colourMode"),
    "a wrong enum in an option": (lambda made: panel(made)["options"].update(graphMode="pie"), "options.graphMode"),
    "no uid": (lambda made: made.pop("uid"), "uid: missing"),
    "a panel beyond the grid": (lambda made: panel(made)["gridPos"].update(x=20), "within 24 columns"),
    "a panel without a title": (lambda made: panel(made).update(title=""), "it has no title"),
    "two panels of one id": (lambda made: made["panels"].append(panel(made)), "panel id 1: 2 times"),
    "a target of the query editor": (lambda made: panel(made)["targets"][0].update(rawQuery=False), "rawQuery"),
    "a target with an unknown key": (lambda made: panel(made)["targets"][0].update(measurement="x"), "measurement"),
    "a target without a form": (lambda made: panel(made)["targets"][0].pop("resultFormat"), "resultFormat"),
    "a data source of one Grafana": (
        lambda made: panel(made)["targets"][0].update(datasource={"type": "influxdb", "uid": "P951FEA4DE68E13C5"}),
        "allowed: a data source variable",
    ),
    "two targets of one letter": (lambda made: panel(made)["targets"].extend(panel(made)["targets"]), "refId A twice"),
    "a table whose colours nobody sees": (lambda made: panel(made).update(COLOURLESS), "no custom.cellOptions"),
    "a query of the linter's kind": (
        lambda made: panel(made)["targets"][0].update(query='SELECT last("x") FROM "gateway" WHERE $timeFilter'),
        '"gateway" has no "x" [unknown]',
    ),
    "an annotation that says nothing": (
        lambda made: made["annotations"]["list"].append(
            {
                "name": "Alerts",
                "enable": True,
                "iconColor": "red",
                "datasource": SOURCE,
                "target": {"query": 'SELECT "alert_id" FROM "alert" WHERE $timeFilter', "fromAnnotations": True},
            }
        ),
        "annotation 'Alerts': Object missing required field `textColumn`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_fault_is_named(name: str) -> None:
    """One broken thing, and the line that says so."""
    change, said = BREAKS[name]
    made = good()
    change(made)
    assert any(said in line for line in faults(made)), faults(made)


def test_a_file_that_is_no_object_is_refused() -> None:
    """A list, a number or no JSON at all."""
    for text in ("[]", "7", "{"):
        with pytest.raises(ValueError, match=r".+"):
            parse(text)


def test_the_schema_is_of_the_version_that_its_script_makes() -> None:
    """The file, its page and the command name one version of Grafana's types."""
    root = Path(__file__).resolve().parents[2]
    (version,) = re.findall(r"schema=\$\{1:-([\d.]+)\}", (root / "scripts" / "grafana_schema.sh").read_text("utf-8"))
    folder = root / "dashboards" / "grafana" / "schema"
    assert f"@grafana/schema {version}," in json.loads((folder / "dashboard.json").read_text("utf-8"))["$comment"]
    assert f"`@grafana/schema` {version} " in (folder / "README.md").read_text("utf-8")
