"""The words of notices in Chinese and English, as the trade says them (pure data)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("zh", "en")

#: What happened, by the event of a notice; ``fired`` is said with the severity.
EVENTS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "fired": "报警",
        "cleared": "已恢复",
        "acknowledged": "处置中",
        "escalated": "升级通知",
        "reminder": "处置提醒",
        "shelved": "已搁置",
        "unshelved": "搁置结束",
        "suppressed": "已抑制",
        "unsuppressed": "抑制解除",
        "out_of_service": "已停用",
        "in_service": "恢复启用",
        "assigned": "已指派",
        "commented": "备注",
        "closed": "已关闭",
        "digest": "报警汇总",
        "test": "测试",
    },
    "en": {
        "fired": "Alarm",
        "cleared": "Back to normal",
        "acknowledged": "Being handled",
        "escalated": "Escalated",
        "reminder": "Reminder",
        "shelved": "Shelved",
        "unshelved": "No longer shelved",
        "suppressed": "Suppressed",
        "unsuppressed": "No longer suppressed",
        "out_of_service": "Out of service",
        "in_service": "In service again",
        "assigned": "Assigned",
        "commented": "Remark",
        "closed": "Closed",
        "digest": "Digest of alarms",
        "test": "Test",
    },
}

#: The gravest first: the order in which a digest counts.
SEVERITIES: Mapping[str, Mapping[str, str]] = {
    "zh": {"critical": "紧急", "major": "重要", "warning": "一般", "info": "提示"},
    "en": {"critical": "critical", "major": "major", "warning": "warning", "info": "info"},
}

#: States in which the trouble itself is over.
OVER: Final = frozenset({"returned", "closed"})

#: Everything else that stands in a text.
TERMS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "above": "超标",
        "below": "低于限值",
        "offline": "离线",
        "severity": "等级",
        "unit": "单位",
        "place": "地点",
        "device": "设备",
        "rule": "规则",
        "parameter": "参数",
        "value": "数值",
        "limit": "限值",
        "unverified": "待核实",
        "since": "开始时间",
        "cleared": "恢复时间",
        "by": "处置人",
        "call": "联系人",
        "from": "起",
        "lead": "在线监测超标仅为线索，须现场复核",
        "total": "共{n}条",
        "over": "其中{n}条已恢复",
        "first": "最先",
        "more": "……另有{n}条",
        "open": "查看并处置",
        "test_title": "通知通道测试",
        "test_body": "这是一条测试消息，无需处置。",
        "sent": "发送时间",
        "colon": "：",
        "comma": "，",
        "left": "（",
        "right": "）",
        "stop": "。",
        "title": "【{event}】{about}",
        "fired": "{severity}报警",
    },
    "en": {
        "above": "above the limit",
        "below": "below the limit",
        "offline": "offline",
        "severity": "Severity",
        "unit": "Unit",
        "place": "Place",
        "device": "Device",
        "rule": "Rule",
        "parameter": "Parameter",
        "value": "Value",
        "limit": "limit",
        "unverified": "to be confirmed",
        "since": "Since",
        "cleared": "Cleared",
        "by": "Handled by",
        "call": "Call",
        "from": "since",
        "lead": "An online exceedance is a lead: check on site",
        "total": "{n} alarms",
        "over": "{n} already over",
        "first": "First",
        "more": "... and {n} more",
        "open": "Open and handle",
        "test_title": "test of this channel",
        "test_body": "This is a test message; nothing needs to be done.",
        "sent": "Sent",
        "colon": ": ",
        "comma": ", ",
        "left": " (",
        "right": ")",
        "stop": ".",
        "title": "[{event}] {about}",
        "fired": "{event}, {severity}",
    },
}

#: Units of measure as people write them; the catalogue's are ASCII.
UNITS: Mapping[str, str] = {
    "degC": "℃",
    "uS/cm": "μS/cm",
    "uSv/h": "μSv/h",
    "m3/h": "m³/h",
    "1/m": "m⁻¹",
}
