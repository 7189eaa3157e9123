"""The language of tables and advice: Chinese or English, as ``HYGEIA_LANG`` or the usual variables say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

Language = Literal["zh", "en"]


def language(environ: Mapping[str, str] | None = None) -> Language:
    """``zh`` where the first of HYGEIA_LANG, LC_ALL, LC_MESSAGES, LANG that is set begins with zh, else ``en``."""
    names = os.environ if environ is None else environ
    chosen = next((names[name] for name in ("HYGEIA_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if names.get(name)), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


def pick(texts: Mapping[str, str]) -> str:
    """One of ``{"zh": …, "en": …}`` in the language of this process."""
    return texts[language()]


#: How an alert stands: the four plain states, and the rest by its own name.
STATES: Mapping[str, Mapping[str, str]] = {
    "pending": {"en": "not fired", "zh": "未触发"},
    "active": {"en": "to do", "zh": "待处理"},
    "acknowledged": {"en": "in hand", "zh": "处理中"},
    "returned": {"en": "over, to confirm", "zh": "已恢复待确认"},
    "latched": {"en": "over, to confirm", "zh": "已恢复待确认"},
    "shelved": {"en": "put aside", "zh": "已搁置"},
    "suppressed": {"en": "suppressed", "zh": "已抑制"},
    "out_of_service": {"en": "out of service", "zh": "已停用"},
    "closed": {"en": "closed", "zh": "已关闭"},
}

#: Chinese words for names of DESIGN 4 that stand in tables, by JSON key; those of the catalogue have theirs there.
_NAMES: Mapping[str, Mapping[str, str]] = {
    "disinfectant": {
        "free_chlorine": "游离氯",
        "total_chlorine": "总氯",
        "chlorine_dioxide": "二氧化氯",
        "ozone": "臭氧",
        "none": "无",
    },
    "place_kind": {
        "raw_water": "水源水",
        "water_outlet": "出厂水",
        "network": "管网水",
        "network_end": "末梢水",
        "secondary_supply": "二次供水",
        "direct_drinking": "管道直饮水",
        "small_supply": "小型集中式供水",
        "department": "科室",
        "waste_store": "医废暂存处",
        "clinic": "诊所",
        "collection_point": "收集点",
        "vehicle": "转运车辆",
        "disposal_plant": "处置厂",
        "radiation_room": "放射工作场所",
    },
}

#: Headings of tables, by JSON key.
_HEADINGS = {
    "id": "编号",
    "offset": "序号",
    "state": "状态",
    "severity": "级别",
    "day": "日期",
    "category": "类别",
    "store_in": "入库",
    "store_out": "出库",
    "loaded": "装车",
    "received": "接收",
    "disposed_n": "处置数",
    "difference_g": "差异（克）",
    "tolerance_g": "允差（克）",
    "ok": "相符",
    "missing": "下落不明",
    "about": "事项",
    "origin": "来源",
    "rule": "规则",
    "pack": "规则包",
    "device": "设备",
    "point": "测点",
    "parameter": "参数",
    "value": "数值",
    "limit_value": "限值",
    "parameter_unit": "计量单位",
    "place": "点位",
    "unit": "单位",
    "grid": "网格",
    "since": "开始时间",
    "fired_at": "报警时间",
    "cleared_at": "恢复时间",
    "acknowledged_by": "确认人",
    "received_at": "接收时间",
    "topic": "主题",
    "reason": "原因",
    "detail": "详情",
    "name": "名称",
    "kind": "类型",
    "parent": "上级",
    "report_s": "上报间隔(秒)",
    "channels": "通道",
    "credential": "凭据版本",
    "channel": "通知方式",
    "tries": "次数",
    "last_error": "最近的错误",
    "created_at": "产生时间",
    "max_g": "最大称量(克)",
    "division_g": "分度值(克)",
    "badge": "工号",
    "role": "角色",
    "officers": "负责人",
    "filter": "主题过滤",
    "codec": "解码",
    "published": "发布",
    "points_published": "发布数据点",
    "journaled": "入账",
    "redelivered": "重投",
    "qos0": "QoS 0",
    "stored": "已入库",
    "parked": "挂起",
    "repeated": "重复",
    "waiting": "等待",
    "points": "数据点",
    "points_rejected": "拒收数据点",
    "points_conflict": "冲突数据点",
    "custody_events": "医废事件",
    "containers": "医废包",
    "alerts_fired": "触发报警",
    "alerts_cleared": "恢复报警",
    "notifications_sent": "已发通知",
    "ledger_size": "账本条数",
    "lost": "丢失",
    "duplicated": "重复入库",
    "title": "名称",
    "condition": "条件",
    "source": "依据",
    "verified": "核实",
    "enabled": "启用",
    "in_force": "生效",
    "disinfectant": "消毒剂",
    "place_kind": "点位类型",
    "limit": "限值",
    "profile": "限值组",
    "what": "项目",
    "assigned_to": "指派给",
    "closed_at": "关闭时间",
    "opened_at": "开始时间",
    "opened_by": "开始人",
    "closed_by": "结束人",
    "until": "截止时间",
    "comment": "说明",
    "person": "人员",
    "event": "事项",
    "by": "操作人",
    "at": "时间",
    "ts": "设备时间",
    "from_state": "原状态",
    "to_state": "新状态",
    "flag": "标志",
    "late": "迟到",
    "payload": "原文",
    "members": "成员",
    "lasted": "持续",
    "alerts": "报警次数",
    "total": "合计",
    "longest": "最长",
    "calendar": "日历",
}


def heading(key: str) -> str:
    """What stands above the column of a JSON key, or before its value."""
    if language() == "zh" and key in _HEADINGS:
        return _HEADINGS[key]
    words = key.removesuffix("_at").replace("_", " ")
    return words if words == "id" else words[:1].upper() + words[1:]


def spoken(key: str, text: str) -> str:
    """What people read where a table has this name, or these names with commas between, under a JSON key."""
    if language() != "zh" or key not in {"severity", "parameter", "from_state", "to_state", *_NAMES}:
        return text
    return ", ".join(_chinese(key, name) for name in text.split(", "))


def _chinese(key: str, name: str) -> str:
    from alerts.notify.terms import SEVERITIES  # noqa: PLC0415 - most commands start faster without
    from devices.observation import QUANTITIES  # noqa: PLC0415 - likewise
    from devices.parameters import CATALOGUE  # noqa: PLC0415 - likewise

    if key == "parameter":
        known = CATALOGUE.get(name) or QUANTITIES.get(name)
        return known.title_zh if known else {"all": "全部", "device": "设备"}.get(name, name)
    if key == "severity":
        return SEVERITIES["zh"].get(name, name)
    if key in _NAMES:
        return _NAMES[key].get(name, name)
    return STATES[name]["zh"] if name in STATES else name
