"""What people read for the names of custody (docs/life-of-a-container.md), in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

#: Words by name and language.
Texts = Mapping[str, Mapping[str, str]]

STATES: Texts = {
    "quarantined": {"en": "unknown id", "zh": "编号不明"},
    "sealed": {"en": "sealed", "zh": "已封口"},
    "collected": {"en": "collected", "zh": "已收集"},
    "stored": {"en": "in store", "zh": "暂存中"},
    "out": {"en": "taken out of the store", "zh": "已出库"},
    "loaded": {"en": "loaded", "zh": "已装车"},
    "in_transit": {"en": "on the road", "zh": "运输中"},
    "arrived": {"en": "arrived", "zh": "已到达"},
    "received": {"en": "received", "zh": "已接收"},
    "unloaded": {"en": "unloaded", "zh": "已卸车"},
    "held": {"en": "set aside", "zh": "已隔离"},
    "refused": {"en": "refused", "zh": "被拒收"},
    "lost": {"en": "lost", "zh": "已丢失"},
    "destroyed": {"en": "destroyed", "zh": "已处置"},
    "divided": {"en": "divided or merged", "zh": "已拆分或合并"},
    "empty": {"en": "empty and clean", "zh": "已清空消毒"},
    "closed": {"en": "taken back", "zh": "已作废"},
}
STEPS: Texts = {
    "pack": {"en": "packed", "zh": "封装"},
    "collect": {"en": "collected", "zh": "收集"},
    "move": {"en": "moved", "zh": "院内转移"},
    "store_in": {"en": "into the store", "zh": "入库"},
    "store_out": {"en": "out of the store", "zh": "出库"},
    "load": {"en": "loaded", "zh": "装车"},
    "depart": {"en": "departed", "zh": "发车"},
    "arrive": {"en": "arrived", "zh": "到达"},
    "receive": {"en": "received", "zh": "接收"},
    "unload": {"en": "unloaded", "zh": "卸车"},
    "unpack": {"en": "unpacked", "zh": "开箱"},
    "dispose": {"en": "destroyed", "zh": "处置"},
    "confirm": {"en": "hand-over confirmed", "zh": "交接确认"},
    "split": {"en": "split", "zh": "拆分"},
    "merge": {"en": "merged", "zh": "合并"},
    "refuse": {"en": "refused", "zh": "拒收"},
    "inspect": {"en": "inspected", "zh": "核查"},
    "hold": {"en": "set aside", "zh": "隔离"},
    "lost": {"en": "lost", "zh": "丢失"},
    "found": {"en": "found", "zh": "找到"},
    "void": {"en": "taken back", "zh": "作废"},
    "correct": {"en": "corrected", "zh": "更正"},
    "bin_clean": {"en": "bin cleaned", "zh": "周转箱消毒"},
}
CATEGORIES: Texts = {
    "infectious": {"en": "infectious", "zh": "感染性"},
    "sharps": {"en": "sharps", "zh": "损伤性"},
    "pathological": {"en": "pathological", "zh": "病理性"},
    "pharmaceutical": {"en": "pharmaceutical", "zh": "药物性"},
    "chemical": {"en": "chemical", "zh": "化学性"},
}
