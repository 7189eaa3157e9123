"""A small city for pages and API: two supervised bodies in two districts, and one day of readings."""

from __future__ import annotations

import math

from tests.plugins.fake_services import HOUR, MINUTE, NOW, FakeServices


def fill_city(services: FakeServices) -> None:
    """Two supervised bodies in two districts, three measuring devices, a terminal, and a day of readings."""
    services.register(
        units=[
            {
                "id": "wtp-1",
                "name": {"zh": "城北水厂", "en": "North waterworks"},
                "kind": "waterworks",
                "grid": "gulou",
            },
            {"id": "hosp-1", "name": {"zh": "第一医院", "en": "Hospital 1"}, "kind": "hospital", "grid": "xuanwu"},
        ],
        grid=[
            {"id": "gulou", "name": {"zh": "鼓楼区", "en": "Gulou"}},
            {"id": "xuanwu", "name": {"zh": "玄武区", "en": "Xuanwu"}},
        ],
        places=[
            {
                "id": "wtp-1-out",
                "unit": "wtp-1",
                "name": {"zh": "出厂水", "en": "Outlet"},
                "kind": "water_outlet",
                "grid": "gulou/hunan-lu",
                "profile": "gb5749-2022",
                "disinfectant": "free_chlorine",
            },
            {
                "id": "wtp-1-end",
                "unit": "wtp-1",
                "name": {"zh": "管网末梢", "en": "Network end"},
                "kind": "network_end",
            },
            {
                "id": "hosp-1-tank",
                "unit": "hosp-1",
                "name": {"zh": "二次供水", "en": "Tank"},
                "kind": "secondary_supply",
            },
            {
                "id": "hosp-1-store",
                "unit": "hosp-1",
                "name": {"zh": "暂存处", "en": "Waste store"},
                "kind": "waste_store",
            },
        ],
        devices=[
            {"id": "wq-1", "place": "wtp-1-out", "kind": "water", "report_s": 60, "channels": []},
            {"id": "wq-2", "place": "wtp-1-end", "kind": "water", "report_s": 60, "channels": []},
            {"id": "wq-3", "place": "hosp-1-tank", "kind": "water", "report_s": 60, "channels": []},
            {"id": "scale-1", "place": "hosp-1-store", "kind": "terminal"},
        ],
    )
    for device, low in (("wq-1", 0.3), ("wq-2", 0.05), ("wq-3", 0.05)):
        services.limit(device, "chlorine_free", low, 2.0)
        services.limit(device, "turbidity", None, 1.0)
        services.limit(device, "ph", 6.5, 8.5)
    for step in range(24 * 12 + 1):
        ts = NOW - 24 * HOUR + step * 5 * MINUTE
        wave = math.sin(step / 288 * 4 * math.pi)
        if 100 < step < 130:
            continue
        services.reading("wq-1", "chlorine_free", round(0.55 + 0.12 * wave, 3), ts)
        services.reading("wq-1", "turbidity", round(0.21 + 0.05 * math.cos(step / 9), 3), ts)
        services.reading("wq-1", "ph", round(7.4 + 0.1 * wave, 2), ts)
        services.reading("wq-1", "temperature", round(16.5 + wave, 1), ts)
        services.reading("wq-2", "chlorine_free", round(0.12 if step < 280 else 0.02, 3), ts)
        services.reading("wq-2", "turbidity", round(0.35 + 0.1 * wave, 3), ts)
        services.reading("wq-3", "chlorine_free", 0.2, ts)
        services.reading("wq-3", "conductivity", 310.0 + 5 * wave, ts)
    services.alert("al-1", "wq-2")
    services.alert("al-2", "wq-3", severity="warning", parameter="turbidity", value=1.3, limit_value=1.0, offset=501)
    services.park(600, "wq-1")
    services.park(601, "wq-3", "no_valid_value")
    services.park(602, "stranger", "unknown_device")
    services.container("MW-1", 700, "scale-1", weight={"net_g": 3420, "scale": "bs-12"})
    services.counters |= {"journaled": 2016, "stored": 2012, "parked": 3, "repeated": 1, "points": 2010}
