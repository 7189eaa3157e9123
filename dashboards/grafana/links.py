"""Links between dashboards (keeping time range, data source and variables) and into the gateway's pages."""

from __future__ import annotations

from typing import NamedTuple

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana.words import Scene, Words

#: The gateway's pages that a dashboard may link to; ``{}`` is one id.
PAGES = (
    "/",
    "/alerts",
    "/alerts/{}",
    "/custody",
    "/custody/{}",
    "/balance",
    "/manifests",
    "/manifests/{}",
    "/kpi",
    "/map",
)
#: The gateway's address. In links Grafana writes a value as ``encodeURI`` does where nothing else is said, which leaves
#: ``&``, ``#`` and ``?`` of an id as they are and breaks the brackets of an IPv6 address.
GATEWAY = "${gateway_url:raw}"


class Link(NamedTuple):
    """A link of a row, a cell or a panel: its words and where it goes."""

    title: Words
    url: str


def page(title: Words, path: str) -> Link:
    """To a page of the gateway; an id in ``path`` is what ``field`` gives."""
    return Link(title, GATEWAY + path)


def board(scene: Scene, title: Words, name: str, **variables: str) -> Link:
    """To another dashboard with the time range and data source of this one.

    ``variables`` are set to what ``field`` gives.
    """
    said = "".join(f"&var-{key}={value}" for key, value in variables.items())
    return Link(title, f"/d/{scene.uid(name)}?${{__url_time_range}}&${{ds:queryparam}}{said}")


def field(name: str) -> str:
    """The value of the column ``name`` of the row that was clicked."""
    return f"${{__data.fields.{name}:percentencode}}"


def drawn(scene: Scene, link: Link) -> model.DashboardLink:
    """As a link of a panel, a row or a cell; a page of the gateway opens beside the dashboard."""
    made = _link(scene.say(link.title), link.url)
    made.target_blank = link.url.startswith(GATEWAY)
    return made


def header(scene: Scene, title: Words, url: str) -> model.DashboardLink:
    """As a link at the top of a dashboard that keeps the time range and the variables."""
    made = _link(scene.say(title), url)
    made.icon = "external link" if url.startswith(GATEWAY) else "dashboard"
    made.target_blank = url.startswith(GATEWAY)
    made.keep_time = made.include_vars = not made.target_blank
    return made


def others(scene: Scene, tag: str) -> model.DashboardLink:
    """A menu of all dashboards with this tag, keeping the time range and the variables."""
    return model.DashboardLink(
        title=scene.say(Words("其他看板", "Dashboards")),
        type_val=model.DashboardLinkType.DASHBOARDS,
        icon="external link",
        tags=[tag],
        as_dropdown=True,
        include_vars=True,
        keep_time=True,
    )


def _link(title: str, url: str) -> model.DashboardLink:
    return model.DashboardLink(title=title, type_val=model.DashboardLinkType.LINK, url=url)
