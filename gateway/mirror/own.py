"""Gathers the gateway's own counters, lags and resources."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import sqlalchemy as sa

from gateway import state
from gateway.api.services import Services
from gateway.mirror.standing import IN_FRONT

_COUNTED = ("journaled", "stored", "parked", "repeated", "waiting", "redelivered", "points", "ledger_size")
_MEMORY = Path("/proc/self/statm")


def own_figures(view: Services, folder: Path) -> dict[str, float | None]:
    """The fields of ``gateway``; None for what this machine does not tell. ``folder`` is the data folder."""
    report, lags = view.report(), view.lags()
    table = state.alerts
    with view.engine.connect() as connection:
        counted = sa.select(sa.func.count()).select_from(table).where(table.c.state.in_(IN_FRONT))
        alerts = connection.execute(counted).scalar_one()
    return {
        **{name: report[name] for name in _COUNTED},
        "decide_lag": lags["decide"].behind,
        "store_lag": lags["store"].behind,
        "deliver_waiting": lags["deliver"].behind,
        "disk_free": shutil.disk_usage(folder).free,
        "memory": resident(),
        "ledger_unsigned": lags["ledger"].behind,
        "open_alerts": alerts,
        "broker": float(lags["broker"].state == "ok"),
    }


def resident(statm: Path = _MEMORY) -> float | None:
    """Bytes of memory that this process has; None where the system has no such file."""
    try:
        pages = int(statm.read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return float(pages * os.sysconf("SC_PAGE_SIZE"))
