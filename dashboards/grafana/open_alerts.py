"""How many alerts stood open in each district: a panel of the city overview and of the alert figures."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana import panels, query
from dashboards.grafana.look import Look
from dashboards.grafana.panels import Head
from dashboards.grafana.words import Scene, Words


def open_alerts(scene: Scene, number: int) -> model.Panel:
    """The panel, as number ``number`` of its dashboard."""
    text = query.select('max("open_alerts")', "alert_load", query.where("district"), query.by_time("district"))
    return panels.graph(
        scene,
        Head(
            number,
            Words("各区未解除报警数（7 天）", "Open alerts by district (7 days)"),
            Words("网关每 10 分钟登记一次。", "As the gateway notes them each 10 minutes."),
            (12, 8),
        ),
        [query.series(text, alias="$tag_district")],
        calcs=("max", "lastNotNull"),
        steps=True,
        look=Look(decimals=0, low=0),
        time_from="7d",
        min_interval="10m",
    )
