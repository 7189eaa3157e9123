"""What the command line says of containers, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from custody.words import CATEGORIES, STATES, Texts
from gateway.cli.language import pick

#: What can be wrong with an event (``custody.flags``), and what is told once of one (docs/life-of-a-container.md).
FLAGS: Texts = {
    "no_time": {"en": "without a time", "zh": "无时间"},
    "bad_time": {"en": "unreadable time", "zh": "时间无法识别"},
    "clock_ahead": {"en": "clock ahead", "zh": "终端时钟偏快"},
    "unknown_step": {"en": "unknown step", "zh": "环节不明"},
    "unknown_category": {"en": "unknown category", "zh": "类别不明"},
    "no_ids": {"en": "no ids", "zh": "无编号"},
    "no_identity": {"en": "no identity", "zh": "无身份标识"},
    "bad_id": {"en": "bad id", "zh": "编号有误"},
    "bad_weight": {"en": "bad weight", "zh": "重量有误"},
    "unstable_weight": {"en": "scale not at rest", "zh": "称量未稳定"},
    "unknown_scale": {"en": "unknown scale", "zh": "衡器未登记"},
    "scale_certificate": {"en": "scale without valid certificate", "zh": "衡器证书无效"},
    "missing_of": {"en": "other event not named", "zh": "未指明相关事件"},
    "missing_reason": {"en": "without a reason", "zh": "无原因"},
    "bad_value": {"en": "a value left out", "zh": "有值未采用"},
    "duplicate_keys": {"en": "duplicate keys", "zh": "键重复"},
    "not_canonical": {"en": "no canonical form", "zh": "无规范形式"},
    "bad_signature": {"en": "bad signature", "zh": "签名无效"},
    "unsigned": {"en": "unsigned", "zh": "未签名"},
    "unknown_badge": {"en": "unknown badge", "zh": "工号未登记"},
    "unknown_place": {"en": "unknown place", "zh": "地点未登记"},
    "unknown_vehicle": {"en": "unknown vehicle", "zh": "车辆未登记"},
    "not_a_terminal": {"en": "not a terminal", "zh": "设备不是终端"},
    "swapped_label": {"en": "swapped label", "zh": "标签调换"},
    "unknown_id": {"en": "unknown id", "zh": "编号不明"},
    "out_of_sequence": {"en": "out of sequence", "zh": "顺序异常"},
}
MODES: Texts = {
    "scale": {"en": "weighed", "zh": "称量"},
    "typed": {"en": "typed", "zh": "手工输入"},
    "estimated": {"en": "estimated", "zh": "估计"},
}
#: What stands around the values of a trace.
LABELS: Texts = {
    "ids": {"en": "ids", "zh": "编号"},
    "produced": {"en": "produced by", "zh": "产生单位"},
    "held": {"en": "held by", "zh": "持有单位"},
    "place": {"en": "place", "zh": "地点"},
    "sealed_at": {"en": "sealed", "zh": "封口时间"},
    "stored_at": {"en": "into the store", "zh": "入库时间"},
    "parent": {"en": "inside", "zh": "所在容器"},
    "members": {"en": "contains", "zh": "内含"},
    "manifest": {"en": "manifest", "zh": "转移联单"},
    "vehicle": {"en": "vehicle", "zh": "车辆"},
    "cycle": {"en": "cycle", "zh": "周转次数"},
    "as_known_at": {"en": "as known at", "zh": "按当时所知"},
    "conditions": {"en": "What is the matter", "zh": "待处理情况"},
    "events": {"en": "What happened", "zh": "经过"},
    "alerts": {"en": "Alerts", "zh": "报警"},
    "since": {"en": "since", "zh": "自"},
    "seen": {"en": "seen", "zh": "扫描"},
    "inferred": {"en": "inferred", "zh": "推定"},
    "approved": {"en": "approved by", "zh": "批准人"},
    "reason": {"en": "reason", "zh": "原因"},
    "received_at": {"en": "received", "zh": "接收时间"},
    "taken_back": {"en": "taken back by record", "zh": "已被记录撤销或更正："},
    "entry": {"en": "entry", "zh": "账本记录"},
    "of": {"en": "about event", "zh": "针对事件"},
    "gross": {"en": "gross", "zh": "毛重"},
    "tare": {"en": "tare", "zh": "皮重"},
    "net": {"en": "net", "zh": "净重"},
    "together": {"en": "containers together", "zh": "个容器合称"},
    "unusable": {"en": "does not count", "zh": "不计入"},
    "flags": {"en": "flags", "zh": "标记"},
    "handover": {"en": "hand-over not confirmed, of record", "zh": "交接未确认，记录"},
}


def label(name: str) -> str:
    """The words for a part of a trace."""
    return pick(LABELS[name])


def spoken(item: Mapping[str, Any]) -> dict[str, Any]:
    """A container with the words for its state and category."""
    return {
        **item,
        "state": say(STATES, item["state"]),
        "category": say(CATEGORIES, item["category"]),
    }


def say(texts: Texts, name: str | None) -> str:
    """The words for ``name``; an unknown one stays as it was sent, nothing is ``-``."""
    if not name:
        return "-"
    return pick(texts[name]) if name in texts else name
