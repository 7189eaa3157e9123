"""Variables of dashboards: the data source, the constants of the installation, and choices."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.models import dashboard as model

from dashboards.grafana.query import SOURCE
from dashboards.grafana.words import Scene, Words

Variable = model.VariableModel
#: What "All" stands for in ``=~ /^${place:regex}$/``: Grafana puts a custom value in as it is, so that the query does
#: not carry the names of 2,000 places.
ALL = ".*"


def data_source(scene: Scene) -> Variable:
    """The InfluxDB that the panels read."""
    return model.VariableModel(
        type_val=model.VariableType.DATASOURCE,
        name="ds",
        label=scene.say(Words("数据源", "Data source")),
        query="influxdb",
        # Ours where there are several; where there is none of this uid Grafana takes its first InfluxDB.
        current=model.VariableOption(selected=True, text="Hygeia", value="hygeia"),
    )


def constant(name: str, value: str) -> Variable:
    """A value that is fixed when the dashboard is built; an administrator may change it in the dashboard's settings."""
    only = model.VariableOption(selected=True, text=value, value=value)
    return model.VariableModel(
        type_val=model.VariableType.CONSTANT,
        name=name,
        hide=model.VariableHide.HIDE_VARIABLE,
        skip_url_sync=True,
        query=value,
        current=only,
        options=[only],
    )


def tag_values(
    scene: Scene,
    name: str,
    label: Words,
    *,
    measurement: str,
    key: str = "",
    within: tuple[str, ...] = (),
    also: str = "",
    multi: bool = True,
) -> Variable:
    """A choice among the values of the tag ``key`` (default: the variable's name), with All where ``multi``.

    Without a ``measurement`` it takes all that have the tag. ``within``: variables of the same names as tags that
    narrow it; ``also``: another test on tags.
    """
    tests = [f'"{one}" =~ /^${{{one}:regex}}$/' for one in within] + ([also] if also else [])
    source = f'FROM "{measurement}" ' if measurement else ""
    query = f'SHOW TAG VALUES {source}WITH KEY = "{key or name}"'
    if tests:
        query += " WHERE " + " AND ".join(tests)
    everything = model.VariableOption(selected=True, text=["All"], value=["$__all"])
    return model.VariableModel(
        type_val=model.VariableType.QUERY,
        name=name,
        label=scene.say(label),
        datasource=SOURCE,
        query=query,
        refresh=model.VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=model.VariableSort.NATURAL_ASC,
        multi=multi,
        include_all=multi,
        all_value=ALL if multi else None,
        current=everything if multi else None,
    )


def choice(
    scene: Scene, name: str, label: Words, options: Mapping[str, Words], *, chosen: tuple[str, ...], multi: bool = False
) -> Variable:
    """A choice among fixed values with translated texts; ``chosen`` at first (one, unless ``multi``)."""
    texts = {value: scene.say(words) for value, words in options.items()}
    first = [texts[one] for one in chosen]
    return model.VariableModel(
        type_val=model.VariableType.CUSTOM,
        name=name,
        label=scene.say(label),
        # Comma and colon divide Grafana's text form of options.
        query=", ".join(f"{_plain(text)} : {value}" for value, text in texts.items()),
        options=[
            model.VariableOption(selected=value in chosen, text=text, value=value) for value, text in texts.items()
        ],
        current=model.VariableOption(
            selected=True, text=first if multi else first[0], value=list(chosen) if multi else chosen[0]
        ),
        multi=multi,
        allow_custom_value=False,
    )


def typed(scene: Scene, name: str, label: Words, *, value: str) -> Variable:
    """A text box; ``value`` at first."""
    only = model.VariableOption(selected=True, text=value, value=value)
    return model.VariableModel(
        type_val=model.VariableType.TEXTBOX,
        name=name,
        label=scene.say(label),
        query=value,
        current=only,
        options=[only],
    )


def _plain(text: str) -> str:
    return text.replace(",", "，").replace(":", "：")
