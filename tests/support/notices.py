"""Notices as delivery hands them to channels: an alert, a digest of many, a test."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from alerts.notify import Context, Notice, Recipient, Told, Words

#: 2026-11-22 03:20:00 UTC, 11:20 in Shanghai.
AT = 1_795_317_600_000
PHONE = "13800138000"
PERSON = Recipient("p-7", "王小明", PHONE, "wang@example.cn", "zh")
LINK = "https://hygeia.example/ack/abcdef0123456789"
ALERT: dict[str, Any] = {
    "id": "5d1c0f6e2a9b4c7d8e3f",
    "rule": "chlorine-free-low",
    "pack": "gb5749-2022",
    "severity": "major",
    "state": "active",
    "unit": "wtp-1",
    "place": "wtp-1-out",
    "device": "wq-1",
    "point": "-",
    "parameter": "chlorine_free",
    "value": 0.11,
    "limit_value": 0.3,
    "parameter_unit": "mg/L",
    "since": AT,
    "fired_at": AT + 60_000,
    "cleared_at": None,
    "acknowledged_by": None,
    "reason": "bad_readings",
    "offset": 1042,
}
TOLD = Told(
    place=Words("城北水厂出厂水", "North Works outlet"),
    unit=Words("城北水厂", "North Works"),
    rule=Words("游离氯偏低", "Free chlorine low"),
    parameter=Words("游离氯", "Free chlorine"),
    call=Words("张三", "Zhang San"),
    kind="limit",
)


def context(*told: Told, zone: str = "Asia/Shanghai") -> bytes:
    """The JSON of the names."""
    return msgspec.json.encode(Context(list(told), zone))


def fired(to: Recipient | None = None, event: str = "fired", told: Told = TOLD, **alert: Any) -> Notice:
    """One alert; ``alert`` changes its fields."""
    content = json.dumps(ALERT | alert, ensure_ascii=False).encode()
    return Notice(event, f"{ALERT['id']}:1042:3", AT, content, context(told), to, LINK)


def digest(count: int, to: Recipient | None = None) -> Notice:
    """So many alerts of as many places, a minute after each other; every hundredth is critical, the last is over."""
    severities = {0: "critical"}
    alerts = [
        ALERT
        | {"id": f"a{n}", "place": f"place-{n}", "since": AT + n * 60_000, "offset": n}
        | {"severity": severities.get(n % 100, "warning"), "state": "returned" if n == count - 1 else "active"}
        for n in range(count)
    ]
    told = [
        msgspec.structs.replace(TOLD, place=Words(f"第{n + 1}号二次供水泵房", f"Pump house {n + 1}"))
        for n in range(count)
    ]
    return Notice("digest", "digest:9:1", AT, json.dumps(alerts).encode(), context(*told), to)


def trial(to: Recipient | None = None) -> Notice:
    """What ``alerts test-channel`` sends."""
    return Notice("test", "test:9:1", AT, b"{}", context(), to)
