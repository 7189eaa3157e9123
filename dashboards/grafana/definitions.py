"""What the rates mean: the one place where their definitions stand, printed on dashboards and in docs/periods.md.

A rate is never stored. It is worked out from counts of windows (gateway/periods) when it is shown.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

from dashboards.grafana.words import Words


class Rate(NamedTuple):
    """A rate: its name, its InfluxQL over the counts of windows, and its definition."""

    name: Words
    formula: str
    definition: Words


TRANSMISSION = Rate(
    Words("数据传输率", "Transmission rate"),
    'sum("received") / sum("due")',
    Words(
        "实收数据数 ÷ 应收数据数。应收数 =（时段 − 经批准的停运时间）÷ 上报间隔。"
        "被网关拒收的数值（不是数字，或超出合理范围）不计入实收。",
        "Readings received divided by readings due. Due = (window minus approved stops) divided by the reporting "
        "interval. Values that the gateway refuses (no number, or outside the plausible range) count as not received.",
    ),
)
VALIDITY = Rate(
    Words("数据有效率", "Validity rate"),
    'sum("valid") / sum("received")',
    Words(
        "有效数据数 ÷ 实收数据数。有效 = 标记为 N、数值合理、不在维护时段内。",
        "Valid readings divided by readings received. Valid = flagged N, plausible, and not in a maintenance session.",
    ),
)
COMPLIANCE = Rate(
    Words("达标率", "Compliance rate"),
    'sum("compliant") / sum("judged")',
    Words(
        "限值内数据数 ÷ 参评数据数。参评 = 有效且有适用限值。在线超标是线索，不等于违法结论。",
        "Readings inside the limits divided by readings judged. Judged = valid and with a limit that applies. "
        "An online exceedance is a lead, not a finding.",
    ),
)
ONLINE = Rate(
    Words("在线率", "Online rate"),
    'mean("online")',
    Words(
        "当前在线设备数 ÷ 在册应在线设备数（网关每 5 分钟登记一次）。",
        "Devices online now divided by devices that should be (as the gateway notes it every 5 minutes).",
    ),
)

#: Every rate by its name in queries.
RATES = MappingProxyType(
    {"transmission": TRANSMISSION, "validity": VALIDITY, "compliance": COMPLIANCE, "online": ONLINE}
)


def about(*rates: Rate) -> Words:
    """The definitions of rates as the description of a panel."""
    return Words(
        "\n\n".join(f"**{rate.name.zh}**：{rate.definition.zh}" for rate in rates),
        "\n\n".join(f"**{rate.name.en}**: {rate.definition.en}" for rate in rates),
    )
