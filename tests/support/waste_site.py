"""A state with the custody of some days, decided from real events, behind the services that pages are tested with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from custody.ledger.checkpoint import Clock, checkpoint
from custody.ledger.merkle import Frontier
from gateway import state
from gateway.journal.record import Kind
from tests.plugins.fake_services import FakeServices
from tests.support.deciding import Decided, changes, decided
from tests.support.waste import HOUR, MINUTE, WASTE, WasteScript

ORIGIN = "hygeia.example/ledger/1"
_NAMES: dict[str, dict[str, str]] = {
    "hosp-1": {"zh": "第一医院", "en": "Hospital 1"},
    "car-1": {"zh": "洁运医废运输公司", "en": "Clean Carrier"},
    "plant-1": {"zh": "江北处置厂", "en": "North plant"},
    "gulou": {"zh": "鼓楼区", "en": "Gulou"},
    "ward-7": {"zh": "七病区", "en": "Ward 7"},
    "hosp-1-store": {"zh": "医废暂存间", "en": "Waste store"},
    "van-1": {"zh": "一号车", "en": "Van 1"},
    "plant-1-line": {"zh": "一号焚烧线", "en": "Line 1"},
}


def named_city() -> dict[str, list[dict[str, Any]]]:
    """``WASTE`` with names, and a range of labels."""
    found = {
        section: [one | ({"name": _NAMES[one["id"]]} if one["id"] in _NAMES else {}) for one in entries]
        for section, entries in WASTE.items()
    }
    found["vehicles"] = [{"id": "van-1", "unit": "car-1", "plate": "苏A12345"}]
    return found


def weight(net_g: int, mode: str = "scale") -> dict[str, Any]:
    """A weighing of one bag."""
    return {"gross_g": net_g + 230, "tare_g": 230, "net_g": net_g, "scale": "bs-12", "stable": True, "mode": mode}


def bag(script: WasteScript, name: str, net_g: int = 3420, category: str = "infectious", hours: float = 0) -> None:
    """A bag that was collected and stored, ``hours`` before now."""
    at = script.now - round(hours * HOUR)
    of = {"by": {"badge": "0412"}, "with": {"badge": "0101"}}
    script.event("T-ward", "collect", name, at=at - 20 * MINUTE, weight=weight(net_g), category=category, **of)
    script.event("T-store", "store_in", name, at=at, weight=weight(net_g), by={"badge": "0412"})


def story() -> WasteScript:
    """Two days: a whole chain, bags of every age in the store, one on the road, and what can go wrong."""
    script = WasteScript()
    script.open_city()
    script.other(Kind.REGISTRY, changes=changes(named_city()), by="test")
    script.now += 24 * HOUR
    script.chain("MW0001", "MW0002", "MW0003")
    script.now += 50 * HOUR
    for name, hours, category in (
        ("MW0101", 49.5, "infectious"),
        ("MW0102", 45, "sharps"),
        ("MW0103", 37, "infectious"),
        ("MW0104", 5, "pathological"),
        ("MW0105", 2, "chemical"),
    ):
        bag(script, name, 2000 + 10 * round(hours), category, hours)
    # Weighed less at the store: more than the profile allows.
    before = script.now - MINUTE
    script.event("T-ward", "collect", "MW0201", at=before, weight=weight(5000), category="sharps", by={"badge": "0412"})
    script.event("T-store", "store_in", "MW0201", weight=weight(4200), by={"badge": "0412"})
    bag(script, "MW0301", 3000, hours=6)
    bag(script, "MW0302", 3100, hours=6)
    out = [
        script.event("T-store", "store_out", name, by={"badge": "0413"}, **{"with": {"badge": "0701"}})
        for name in ("MW0301", "MW0302")
    ]
    script.event("T-van", "load", "MW0301", "MW0302", by={"badge": "0701"}, vehicle="van-1", manifest="M-0002")
    script.event("T-van", "confirm", "MW0301", of=out[0], by={"badge": "0701"})
    script.now += MINUTE
    script.event("T-van", "depart", by={"badge": "0701"}, vehicle="van-1", manifest="M-0002")
    # Unknown, lost, reported hours later, by a stranger's badge.
    script.event("T-store", "store_in", "XX-9999", by={"badge": "9999"})
    bag(script, "MW0401", 1500, hours=9)
    script.event("T-store", "lost", "MW0401", by={"badge": "0413"})
    script.event("T-ward", "pack", "MW0501", at=script.now - 9 * HOUR, category="infectious", by={"badge": "0101"})
    script.now += MINUTE
    script.other(Kind.TICK)
    return script


def services_of(folder: Path, script: WasteScript, **http: Any) -> FakeServices:
    """Services over a state that decided the records of ``script``."""
    services = FakeServices(folder, **http)
    services.engine.dispose()
    done = decided(folder, script)
    services.engine = done.engine
    services.clock.now = script.now
    services._registry = done.fold.registry
    services.packs = dict(done.fold.pack_texts)
    for at in (script.now - 48 * HOUR, script.now):
        sign(done, at)
    return services


def sign(done: Decided, at: int) -> None:
    """A head over all entries up to ``at``; nobody's signature, which pages do not show."""
    entries, frontier = state.ledger_entries, Frontier()
    with done.engine.begin() as connection:
        for leaf in connection.execute(
            sa.select(entries.c.leaf).where(entries.c.at <= at).order_by(entries.c.idx)
        ).scalars():
            frontier.append(leaf)
        note = checkpoint(ORIGIN, frontier.size, frontier.root(), Clock(at, "ntp", 0)).text()
        row = {"origin": ORIGIN, "size": frontier.size, "at": at, "note": note}
        connection.execute(state.ledger_checkpoints.insert(), row)
