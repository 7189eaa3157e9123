"""Late readings that break a limit: listed for compliance, they move no alert (pure; DESIGN 3)."""

from __future__ import annotations

from alerts.bounds import Bound
from alerts.change import Finding
from devices.observation import Observation


def finding(bound: Bound, o: Observation) -> Finding:
    """That the value of ``o`` breaks the limit of ``bound``."""
    return Finding(
        rule=bound.rule,
        pack=bound.pack,
        severity=bound.severity,
        subject=o.subject,
        value=o.value,
        limit_value=bound.broken_by(o.value),
        ts=o.at,
        at=o.now,
    )
