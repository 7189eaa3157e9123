"""InfluxQL targets, in the subset that InfluxDB 1.x, 2.x and 3 share, and what each may read.

Conventions that all queries keep (``hygeia dashboards check`` looks):

- A variable with several values stands as ``=~ /^${place:regex}$/``: plain ``/^$place$/`` is joined with ``|`` and
  without brackets by Grafana's InfluxDB plugin, which changes the match.
- In table format at most one tag stands in GROUP BY: a streaming reader of Grafana takes several in no fixed order.
  Other tags are selected as columns beside a selector (``last("state"), "district"``).
- ``auto("water")`` picks the series of periods that fits the range, inside InfluxQL: ``$__interval`` is 5m to 30m, 1h
  to 12h or 1d and more, and its unit letter, in a character class, matches water_5m, water_1h or water_1d.
- No panel reads more than 50,000 points in any range that its dashboard offers (``lint`` counts).
"""

from __future__ import annotations

from typing import Literal

from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.models import common

#: The data source is a variable of the dashboard, so that one file serves every Grafana.
SOURCE = common.DataSourceRef(type_val="influxdb", uid="${ds}")

#: Points across a panel, at most. With ``auto`` it says how much is read: an interval of 12h stands for up to a day of
#: windows of an hour, so five fields of a series stay below 360 * 24 * 5 = 43,200 whatever the range.
ACROSS = 360
#: The same of a table or a number with ``auto``, which shows no points: hours up to 30 days, then days up to 3 years
#: (Grafana's next interval, a year, has no series).
ACROSS_TABLE = 30

#: The mean of the valid readings of several windows: of what they sum up to, not of the windows' means.
MEAN = 'sum("sum") / sum("valid")'


class InfluxQL(variants.Dataquery):
    """One query of a panel, as Grafana's InfluxDB plugin keeps it; the SDK has none for InfluxDB."""

    def __init__(self, query: str, *, ref: str = "A", form: Literal["table", "time_series"], alias: str = "") -> None:
        self.query = query
        self.ref = ref
        self.form = form
        self.alias = alias
        #: Not shown: only another target's expression reads it.
        self.hidden = False

    def to_json(self) -> dict[str, object]:
        """The keys of a target."""
        said: dict[str, object] = {
            "refId": self.ref,
            "datasource": SOURCE,
            "rawQuery": True,
            "query": self.query,
            "resultFormat": self.form,
        }
        return said | ({"alias": self.alias} if self.alias else {}) | ({"hide": True} if self.hidden else {})


def table(query: str, *, ref: str = "A") -> InfluxQL:
    """A query whose answer is one table: a column a tag and a field."""
    return InfluxQL(query, ref=ref, form="table")


def series(query: str, *, ref: str = "A", alias: str = "$col") -> InfluxQL:
    """A query whose answer is one line a tag set and field, called by ``alias`` (``$tag_place``, ``$col``)."""
    return InfluxQL(query, ref=ref, form="time_series", alias=alias)


def where(*variables: str, also: str = "") -> str:
    """The WHERE clause: the time range, the tags that have a variable of their name, and what else must hold."""
    tests = ["$timeFilter", *(f'"{name}" =~ /^${{{name}:regex}}$/' for name in variables), *([also] if also else [])]
    return "WHERE " + " AND ".join(tests)


#: A test that leaves of any range what the gateway last wrote: every place and device at least each 5 minutes.
#: A device that was taken away in the range is not counted with those that are there at its end.
AT_THE_END = "time > ${__to}ms - 10m"


def auto(kind: str) -> str:
    """FROM the series of 5 minutes, an hour or a day of ``kind`` that fits the range; needs ``min_interval`` 5m."""
    return f"FROM /^{kind}_[0-9]+[$__interval]$/"


def select(fields: str, source: str, *rest: str) -> str:
    """A query: the fields, ``FROM ...`` (or the name of a measurement), and what follows."""
    return " ".join(("SELECT", fields, source if source.startswith("FROM ") else f'FROM "{source}"', *rest))


def latest(field: str, measurement: str, condition: str, *by: str) -> str:
    """FROM the last value of ``field`` of each combination of the tags ``by``, under the field's name."""
    tags = ", ".join(f'"{tag}"' for tag in by)
    inner = select(f'last("{field}") AS "{field}"', measurement, condition, f"GROUP BY {tags}")
    return f"FROM ({inner})"


def by_time(*tags: str, fill: str = "none") -> str:
    """GROUP BY the interval of the panel, in days of the installation's time zone, and by tags."""
    others = "".join(f', "{tag}"' for tag in tags)
    return f"GROUP BY time($__interval){others} fill({fill}) tz('${{time_zone}}')"
