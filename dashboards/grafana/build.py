"""All dashboards as JSON text."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from dashboards.grafana import (
    alert_kpi,
    city_overview,
    container_trace,
    device_health,
    gateway_health,
    medical_waste,
    network_comparison,
    water_point,
)
from dashboards.grafana.board import Board
from dashboards.grafana.words import GATEWAY_URL, TIME_ZONE, Language, Scene

#: Every dashboard by its name (the uid is the name with hyphens and the language), in the order of their links.
DASHBOARDS: MappingProxyType[str, Callable[[Scene], Board]] = MappingProxyType(
    {
        "city_overview": city_overview.board,
        "water_point": water_point.board,
        "medical_waste": medical_waste.board,
        "device_health": device_health.board,
        "container_trace": container_trace.board,
        "network_comparison": network_comparison.board,
        "alert_kpi": alert_kpi.board,
        "gateway_health": gateway_health.board,
    }
)


def build(language: Language, gateway_url: str = GATEWAY_URL, time_zone: str = TIME_ZONE) -> dict[str, str]:
    """Build every dashboard of a language: {uid: JSON text}, the same for the same arguments.

    ``gateway_url`` is the address of the gateway's pages as a browser of the staff reaches it.
    """
    scene = Scene(language, gateway_url.rstrip("/"), time_zone)
    return {scene.uid(name): make(scene).text() for name, make in DASHBOARDS.items()}
