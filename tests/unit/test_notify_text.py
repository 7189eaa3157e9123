"""What people read of a notice, in both languages."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.notify import Notice, Told, Words
from alerts.notify.fit import byte_length, cut
from alerts.notify.terms import EVENTS, SEVERITIES, TERMS
from alerts.notify.text import text_of
from tests.support.notices import ALERT, AT, PERSON, TOLD, context, digest, fired, trial


def test_an_exceedance_in_chinese() -> None:
    """All that an officer on duty needs, in the words of the trade, in local time."""
    text = text_of(fired())
    assert text.title == "【重要报警】城北水厂出厂水 游离氯低于限值"
    assert text.body().splitlines() == [
        "等级：重要",
        "单位：城北水厂",
        "地点：城北水厂出厂水",
        "设备：wq-1",
        "规则：游离氯偏低",
        "参数：游离氯",
        "数值：0.11 mg/L（限值 0.30）",
        "开始时间：2026-11-22 11:20",
        "联系人：张三",
        "在线监测超标仅为线索，须现场复核。",
    ]
    assert text.line == ("重要报警：城北水厂出厂水 游离氯低于限值，0.11 mg/L（限值 0.30），11-22 11:20起，联系人：张三")


def test_the_same_in_english() -> None:
    """Line by line the same facts."""
    text = text_of(fired(), "en")
    assert text.title == "[Alarm, major] North Works outlet: Free chlorine below the limit"
    assert text.body().splitlines() == [
        "Severity: major",
        "Unit: North Works",
        "Place: North Works outlet",
        "Device: wq-1",
        "Rule: Free chlorine low",
        "Parameter: Free chlorine",
        "Value: 0.11 mg/L (limit 0.30)",
        "Since: 2026-11-22 11:20",
        "Call: Zhang San",
        "An online exceedance is a lead: check on site.",
    ]


@pytest.mark.parametrize(
    ("event", "alert", "told", "title"),
    [
        (
            "fired",
            {"value": 1.25, "limit_value": 1.0, "parameter": "turbidity"},
            {},
            "【重要报警】城北水厂出厂水 游离氯超标",
        ),
        ("cleared", {"cleared_at": AT, "value": 0.45}, {"side": "below"}, "【已恢复】城北水厂出厂水 游离氯恢复正常"),
        ("acknowledged", {}, {}, "【处置中】城北水厂出厂水 游离氯低于限值"),
        ("escalated", {}, {}, "【升级通知】城北水厂出厂水 游离氯低于限值"),
        ("reminder", {}, {}, "【处置提醒】城北水厂出厂水 游离氯低于限值"),
        ("fired", {"severity": "critical"}, {}, "【紧急报警】城北水厂出厂水 游离氯低于限值"),
        (
            "fired",
            {"parameter": "", "value": None, "limit_value": None},
            {"kind": "silent", "rule": Words("设备离线", "Device offline")},
            "【重要报警】城北水厂出厂水 wq-1 设备离线",
        ),
        (
            "fired",
            {"value": None, "limit_value": None},
            {"kind": "absent", "rule": Words()},
            "【重要报警】城北水厂出厂水 wq-1 游离氯 离线",
        ),
        ("fired", {"rule": "chlorine-free-low.early"}, {}, "【重要报警】城北水厂出厂水 游离氯偏低"),
        ("something_new", {}, {}, "【something_new】城北水厂出厂水 游离氯低于限值"),
        ("fired", {}, {"place": Words("", "Outlet")}, "【重要报警】Outlet 游离氯低于限值"),
        ("fired", {}, {"place": Words(), "parameter": Words()}, "【重要报警】wtp-1-out chlorine_free低于限值"),
    ],
)
def test_titles_say_what_happened_and_where(
    event: str, alert: dict[str, object], told: dict[str, object], title: str
) -> None:
    """Above or below a limit, offline, or the title of the rule; a name that is missing is the other one or the key."""
    assert text_of(fired(event=event, told=msgspec.structs.replace(TOLD, **told), **alert)).title == title


@pytest.mark.parametrize(
    ("alert", "told", "zh"),
    [
        ({"value": 0.2999}, {}, "数值：0.2999 mg/L（限值 0.3000）"),
        ({"value": 0.3}, {}, "数值：0.30 mg/L（限值 0.30）"),
        ({"value": -0.001}, {}, "数值：0.00 mg/L（限值 0.30）"),
        ({"limit_value": 0.305}, {}, "数值：0.110 mg/L（限值 0.305）"),
        ({}, {"verified": False}, "数值：0.11 mg/L（限值 0.30，待核实）"),
        (
            {"parameter": "temperature", "parameter_unit": "degC", "value": 8.04, "limit_value": 8.0},
            {},
            "数值：8.04 ℃（限值 8.00）",
        ),
        ({"value": 0.6, "limit_value": 0.2}, {"kind": "bad_flags"}, "数值：占60%"),
        ({"limit_value": None}, {}, "数值：0.11 mg/L"),
        ({"parameter": "x", "parameter_unit": "", "value": 7.0, "limit_value": 5.5}, {}, "数值：7（限值 5.5）"),
        ({"value": 1e300, "limit_value": 1.0}, {}, None),
    ],
)
def test_a_value_never_looks_like_the_limit_that_it_breaks(
    alert: dict[str, object], told: dict[str, object], zh: str | None
) -> None:
    """Decimals of the catalogue, more where two different numbers would look equal; unconfirmed limits are marked."""
    lines = text_of(fired(told=msgspec.structs.replace(TOLD, **told), **alert)).body().splitlines()
    (line,) = [line for line in lines if line.startswith("数值")]
    assert zh is None or line == zh


@pytest.mark.parametrize(
    ("alert", "kind", "rule", "title", "value"),
    [
        (
            {"parameter": "custody.stored", "value": 1.0, "limit_value": 0.0, "parameter_unit": ""},
            "quantity",
            "暂存超过48小时",
            "【重要报警】城北水厂出厂水 暂存超过48小时",
            "",
        ),
        (
            {"parameter": "custody.weight_difference", "value": 1.75, "limit_value": 1.0, "parameter_unit": ""},
            "quantity",
            "称重差异超过允差",
            "【重要报警】城北水厂出厂水 称重差异超过允差",
            "数值：1.75（限值 1）",
        ),
        (
            {"parameter": "door", "value": 1.0, "limit_value": 0.0, "parameter_unit": ""},
            "limit",
            "门未关",
            "【重要报警】城北水厂出厂水 门未关",
            "",
        ),
        (
            {"parameter": "", "value": 7.0, "limit_value": 0.0},
            "sequence_gap",
            "数据缺号",
            "【重要报警】城北水厂出厂水 wq-1 数据缺号",
            "数值：缺7条报文",
        ),
        (
            {"parameter": "turbidity", "value": 0.6, "limit_value": 0.5, "parameter_unit": "NTU"},
            "change",
            "浑浊度突变",
            "【重要报警】城北水厂出厂水 浑浊度突变",
            "数值：0.600 NTU（限值 0.500）",
        ),
    ],
)
def test_what_is_no_limit_of_a_parameter_is_said_by_its_rule(
    alert: dict[str, object], kind: str, rule: str, title: str, value: str
) -> None:
    """Custody, switches, device conditions, changes: no exceedance, and no number that tells nobody anything."""
    text = text_of(fired(told=msgspec.structs.replace(TOLD, kind=kind, rule=Words(rule, rule)), **alert))
    assert text.title == title
    assert [line for line in text.body().splitlines() if line.startswith("数值")] == ([value] if value else [])
    assert TERMS["zh"]["lead"] not in text.body()


def test_an_observation_of_custody_has_its_title() -> None:
    """Not the name that programs use."""
    notice = fired(told=msgspec.structs.replace(TOLD, kind="quantity"), parameter="custody.stored", value=1.0)
    assert "参数：在暂存间存放" in text_of(notice).body()
    assert "Parameter: In the temporary store" in text_of(notice, "en").body()


def test_only_limits_are_called_a_lead() -> None:
    """A silent device is no exceedance."""
    text = text_of(fired(told=msgspec.structs.replace(TOLD, kind="silent"), value=None, limit_value=None))
    assert TERMS["zh"]["lead"] not in text.body()


def test_a_test_message_says_nothing_of_an_alarm() -> None:
    """In both languages."""
    zh, en = text_of(trial()), text_of(trial(), "en")
    assert (zh.title, zh.body()) == ("【测试】通知通道测试", "这是一条测试消息，无需处置。\n发送时间：2026-11-22 11:20")
    assert zh.line == "测试：通知通道测试，2026-11-22 11:20"
    assert en.title == "[Test] test of this channel"
    assert not any(word in zh.body() + zh.line for word in ("报警", "超标"))


def test_the_recipients_language_goes_before_the_channels() -> None:
    """A person's own, then the channel's, then Chinese."""
    english = msgspec.structs.replace(PERSON, language="en")
    assert text_of(fired(english), "zh").language == "en"
    assert text_of(fired(msgspec.structs.replace(PERSON, language="fr")), "en").language == "en"
    assert text_of(fired(), "fr").language == "zh"


def test_a_digest_counts_by_severity_and_names_what_came_first() -> None:
    """Then lists all, in the order of the notice."""
    text = text_of(digest(250))
    lines = text.body().splitlines()
    assert text.title == "【报警汇总】共250条"
    assert lines[0] == "共250条（紧急 3，一般 247），其中1条已恢复"
    assert lines[1] == "最先：11-22 11:20 第1号二次供水泵房 游离氯低于限值 0.11 mg/L（限值 0.30）"
    assert lines[2] == "联系人：张三"
    assert lines[3].startswith("1. 11-22 11:20 第1号二次供水泵房")
    assert lines[252].startswith("250. ")
    assert lines[252].endswith("（已恢复）")
    assert lines[253] == "在线监测超标仅为线索，须现场复核。"
    assert len(lines) == 254


def test_a_digest_of_people_of_several_units_names_nobody_to_call() -> None:
    """Whom to call for the first is wrong for the others."""
    told = [TOLD, msgspec.structs.replace(TOLD, call=Words("李四", "Li Si"))]
    notice = Notice("digest", "d:1", AT, json.dumps([ALERT, ALERT]).encode(), context(*told))
    assert "联系人" not in text_of(notice).body()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("most", [600, 4096, 20_000, 100_000])
def test_a_digest_that_is_cut_says_exactly_how_many_more_there_are(language: str, most: int) -> None:
    """Shown and not shown are all 2,000; counts, first and the note stay."""
    body = text_of(digest(2000), language).body(most)
    shown = len(re.findall(r"(?m)^\d+\. ", body))
    more = re.search(r"(?:另有|and )(\d+)(?:条| more)", body)
    assert more is not None
    assert shown + int(more[1]) == 2000
    assert most - 200 < byte_length(body) <= most
    assert TERMS[language]["lead"] in body
    assert "2000" in body.splitlines()[0]


@settings(deadline=None)
@given(most=st.integers(0, 3000), count=st.integers(0, 40), end=st.sampled_from(["\n", "\n\n"]))
def test_nothing_is_longer_than_a_channel_takes(most: int, count: int, end: str) -> None:
    """By bytes of UTF-8, whatever the room, and never half a character."""
    body = text_of(digest(count)).body(most, end=end)
    assert byte_length(body) <= most


@settings(deadline=None)
@given(text=st.text(), most=st.integers(0, 60))
def test_a_text_is_cut_at_characters(text: str, most: int) -> None:
    """What is left is the beginning, with an ellipsis where something is missing."""
    short = cut(text, most, lambda part: len(part.encode("utf-8", "surrogatepass")))
    assert short == text or text.startswith(short.removesuffix("…"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"rule": 7}', b'[{"value": "x"}]', b"\xff"])
@pytest.mark.parametrize("names", [b"", b"[]", b'{"told": 3}', b'{"zone": "Nowhere/At all"}', b'{"zone": "../../etc"}'])
def test_a_notice_that_says_nothing_is_still_a_text(content: bytes, names: bytes) -> None:
    """Delivery must never fail over the words."""
    text = text_of(Notice("fired", "k:1:2", AT, content, names))
    assert text.title == "【报警】k:1:2"
    assert text.body()


def test_times_that_no_calendar_has_are_no_fault() -> None:
    """A device whose clock is broken still gets its alert told."""
    assert text_of(fired(since=2**62)).body()


def test_names_stay_on_their_line() -> None:
    """A line feed in the name of a place must not begin a line of its own."""
    told: Told = msgspec.structs.replace(TOLD, place=Words("泵房\n单位：假", ""))
    assert "地点：泵房 单位：假" in text_of(fired(told=told)).body().splitlines()


def test_both_languages_have_the_same_words() -> None:
    """No key is missing in either."""
    for table in (EVENTS, SEVERITIES, TERMS):
        assert set(table["zh"]) == set(table["en"])


HIGH: dict[str, Any] = {"parameter": "pressure", "parameter_unit": "kPa", "limit_value": 900.0}
LOW: dict[str, Any] = {"parameter": "orp", "parameter_unit": "mV", "limit_value": 100.0}
OVER: dict[str, Any] = {"state": "returned", "cleared_at": AT + 600_000, "reason": "back_in_limits"}
PRESSURE = msgspec.structs.replace(TOLD, parameter=Words("压力", "Pressure"), side="above")
REDOX = msgspec.structs.replace(TOLD, parameter=Words("氧化还原电位", "Redox potential"), side="below")


def line_of(told: Told, language: str = "zh", event: str = "fired", **alert: Any) -> str:
    """A notice on one line, without whom to call."""
    return text_of(fired(event=event, told=msgspec.structs.replace(told, call=Words()), **alert), language).line


@pytest.mark.parametrize(
    ("told", "alert", "zh", "en"),
    [
        (
            PRESSURE,
            HIGH | OVER | {"value": 10.0},
            "已恢复：城北水厂出厂水 压力恢复正常，10.0 kPa（上限 900.0），",
            "Back to normal: North Works outlet: Pressure back within limits, 10.0 kPa (upper limit 900.0), ",
        ),
        (
            REDOX,
            LOW | OVER | {"value": 201.0},
            "已恢复：城北水厂出厂水 氧化还原电位恢复正常，201 mV（下限 100），",
            "Back to normal: North Works outlet: Redox potential back within limits, 201 mV (lower limit 100), ",
        ),
        (
            PRESSURE,
            HIGH | OVER | {"value": 10.0, "state": "latched"},
            "待人工复位：城北水厂出厂水 压力恢复正常，10.0 kPa（上限 900.0），",
            "To be reset by hand: North Works outlet: Pressure back within limits, 10.0 kPa (upper limit 900.0), ",
        ),
        (
            PRESSURE,
            HIGH | OVER | {"value": 950.0, "state": "closed", "reason": "moved"},
            "已结束：城北水厂出厂水 游离氯偏低，950.0 kPa（上限 900.0），",
            "Ended: North Works outlet: Free chlorine low, 950.0 kPa (upper limit 900.0), ",
        ),
    ],
)
def test_a_recovery_says_what_is_well_again(told: Told, alert: dict[str, Any], zh: str, en: str) -> None:
    """The side is that of the firing: the value that ended it is a good one. What ended otherwise is not well."""
    assert line_of(told, "zh", "cleared", **alert) == f"{zh}11-22 11:20至11-22 11:30"
    assert line_of(told, "en", "cleared", **alert) == f"{en}11-22 11:20 to 11-22 11:30"


@pytest.mark.parametrize(
    ("alert", "zh", "en"),
    [
        (OVER | {"value": 0.6}, "恢复正常 0.60 mg/L（下限 0.30）（已恢复）", "(back to normal)"),
        (OVER | {"value": 0.6, "state": "closed"}, "恢复正常 0.60 mg/L（下限 0.30）（已恢复）", "(back to normal)"),
        (OVER | {"value": 0.6, "state": "latched"}, "恢复正常 0.60 mg/L（下限 0.30）（待人工复位）", "reset by hand)"),
        ({"state": "closed"}, "游离氯低于限值 0.11 mg/L（限值 0.30）（已关闭）", "(closed)"),
        (
            {"state": "closed", "cleared_at": AT, "reason": "late_finding"},
            "游离氯低于限值 0.11 mg/L（限值 0.30）（补报数据）",
            "(late data)",
        ),
        ({}, "游离氯低于限值 0.11 mg/L（限值 0.30）", "(limit 0.30)"),
    ],
)  # fmt: skip
def test_a_digest_says_of_each_alert_how_it_stands(alert: dict[str, Any], zh: str, en: str) -> None:
    """Back to normal only where it is so: not latched ones, not those closed while the cause stands, no late data."""
    told = msgspec.structs.replace(TOLD, side="below")
    notice = Notice("digest", "d:1", AT, json.dumps([ALERT | alert, ALERT]).encode(), context(told, told))
    assert text_of(notice).items[0].endswith(zh)
    assert text_of(notice, "en").items[0].lower().endswith(en)
    assert ("其中1条已恢复" in text_of(notice).head[0]) == zh.endswith("（已恢复）")


INSTRUMENT = msgspec.structs.replace(TOLD, device=Words("1号多参数仪", "Analyser 1"))
NOTHING: dict[str, Any] = {"parameter": "", "parameter_unit": "", "value": None, "limit_value": None}
LEVEL: dict[str, Any] = {"parameter": "conductivity", "parameter_unit": "uS/cm", "value": 0.52, "limit_value": 511.0}


@pytest.mark.parametrize(
    ("kind", "alert", "rule", "zh", "en"),
    [
        (
            "silent",
            NOTHING,
            Words("设备离线", "The device is silent"),
            "城北水厂出厂水 1号多参数仪 设备离线，11-22 11:20起无数据",
            "The device is silent, no data since 11-22 11:20",
        ),
        (
            "absent",
            NOTHING | {"parameter": "chlorine_free"},
            Words("参数无数据", "No values"),
            "城北水厂出厂水 1号多参数仪 游离氯 参数无数据，11-22 11:20起无数据",
            "Free chlorine: No values, no data since 11-22 11:20",
        ),
        (
            "invalid",
            NOTHING | {"parameter": "chlorine_free"},
            Words("无有效数据", "No valid readings"),
            "城北水厂出厂水 1号多参数仪 游离氯 无有效数据，11-22 11:20起无有效数据",
            "Free chlorine: No valid readings, no valid data since 11-22 11:20",
        ),
        (
            "sequence_gap",
            NOTHING | {"value": 17.0},
            Words("报文序号缺失", "Messages are missing"),
            "城北水厂出厂水 1号多参数仪 报文序号缺失，缺17条报文，11-22 11:20起",
            "Messages are missing, 17 missing, since 11-22 11:20",
        ),
        (
            "clock_off",
            NOTHING | {"value": 28_800.0, "limit_value": 120.0},
            Words("设备时钟偏差", "The clock is wrong"),
            "城北水厂出厂水 1号多参数仪 设备时钟偏差，慢8小时，11-22 11:20起",
            "The clock is wrong, 8 h slow, since 11-22 11:20",
        ),
        (
            "clock_off",
            NOTHING | {"value": -150.0, "limit_value": 120.0},
            Words("设备时钟偏差", "The clock is wrong"),
            "城北水厂出厂水 1号多参数仪 设备时钟偏差，快2分钟30秒，11-22 11:20起",
            "The clock is wrong, 2 min 30 s fast, since 11-22 11:20",
        ),
        (
            "overdue",
            NOTHING | {"value": 30.0},
            Words("检定证书即将到期", "The certificate expires soon"),
            "城北水厂出厂水 1号多参数仪 检定证书即将到期，剩余30天，11-22 11:20起",
            "The certificate expires soon, 30 days left, since 11-22 11:20",
        ),
        (
            "overdue",
            NOTHING | {"value": -1.0},
            Words("校准超期", "Calibration"),
            "城北水厂出厂水 1号多参数仪 校准超期，已超期1天，11-22 11:20起",
            "Calibration, 1 day over, since 11-22 11:20",
        ),
        (
            "bad_flags",
            {"value": 0.6, "limit_value": 0.2},
            Words("异常数据比例过高", "Too many flags"),
            "城北水厂出厂水 1号多参数仪 游离氯 异常数据比例过高，占60%，11-22 11:20起",
            "Free chlorine: Too many flags, 60% of readings, since 11-22 11:20",
        ),
        (
            "stuck",
            {"limit_value": None},
            Words("数据长时间不变", "No movement"),
            "城北水厂出厂水 1号多参数仪 游离氯 数据长时间不变，0.11 mg/L，11-22 11:20起不变",
            "Free chlorine: No movement, 0.11 mg/L, unchanged since 11-22 11:20",
        ),
        (
            "unit_suspect",
            LEVEL,
            Words("疑似计量单位改变", "Other unit?"),
            "城北水厂出厂水 1号多参数仪 游离氯 疑似计量单位改变，0.52 μS/cm（此前约 511），11-22 11:20起",
            "Free chlorine: Other unit?, 0.52 μS/cm (before about 511), since 11-22 11:20",
        ),
        (
            "unit_suspect",
            LEVEL | {"value": 51_312.6, "limit_value": 5.1306},
            Words("疑似计量单位改变", "Other unit?"),
            "城北水厂出厂水 1号多参数仪 游离氯 疑似计量单位改变，51312.6 μS/cm（此前约 5.13），11-22 11:20起",
            "Free chlorine: Other unit?, 51312.6 μS/cm (before about 5.13), since 11-22 11:20",
        ),
    ],
)  # fmt: skip
def test_trouble_of_an_instrument_names_it_and_says_what_it_is(
    kind: str, alert: dict[str, Any], rule: Words, zh: str, en: str
) -> None:
    """Two silent devices of one place are two texts; a number that is no limit is never called one."""
    told = msgspec.structs.replace(INSTRUMENT, kind=kind, rule=rule)
    where = "North Works outlet, Analyser 1" + (", " if alert.get("parameter", "chlorine_free") else ": ")
    assert line_of(told, "zh", **alert) == f"重要报警：{zh}"
    assert line_of(told, "en", **alert) == f"Alarm, major: {where}{en}"
    for language in ("zh", "en"):
        body = text_of(fired(told=told, **alert), language).body()
        assert "限值" not in body
        assert "limit" not in body
        assert told.device.zh in body if language == "zh" else told.device.en in body


@pytest.mark.parametrize(
    ("place", "device", "title"),
    [
        (Words("出厂水", ""), Words("出厂水在线仪", ""), "【重要报警】出厂水在线仪 设备离线"),
        (Words("扫码枪", ""), Words("扫码枪", ""), "【重要报警】扫码枪 设备离线"),
        (Words("出厂水", ""), Words(), "【重要报警】出厂水 wq-1 设备离线"),
    ],
)
def test_a_device_is_named_once(place: Words, device: Words, title: str) -> None:
    """By its name, else by its id; a place that its name begins with is not said before it."""
    told = msgspec.structs.replace(TOLD, place=place, device=device, kind="silent", rule=Words("设备离线", ""))
    assert text_of(fired(told=told, **NOTHING)).title == title


def test_templates_are_filled_with_the_device_where_it_is_about_one() -> None:
    """Providers' templates have a place and a parameter: two silent devices of one place must not read alike."""
    told = msgspec.structs.replace(INSTRUMENT, kind="silent", rule=Words("设备离线", ""))
    values = text_of(fired(told=told, **NOTHING)).values
    assert (values["place"], values["parameter"], values["device"]) == ("1号多参数仪", "设备离线", "1号多参数仪")
    assert (values["value"], values["limit"]) == ("", "")
    short = msgspec.structs.replace(told, place=Words("出厂水", ""), device=Words("1号仪", ""), kind="clock_off")
    values = text_of(fired(told=short, **NOTHING | {"value": 60.0, "limit_value": 30.0})).values
    assert (values["place"], values["value"], values["limit"]) == ("出厂水 1号仪", "慢1分钟", "")


def test_whoever_was_given_an_alert_reads_so() -> None:
    """Not that it was escalated; others read that."""
    mine = msgspec.structs.replace(TOLD, mine=True)
    assert text_of(fired(event="escalated", told=mine)).title == "【指派给您】城北水厂出厂水 游离氯低于限值"
    assert text_of(fired(event="escalated", told=mine), "en").title.startswith("[Assigned to you] ")
    assert text_of(fired(event="escalated")).title.startswith("【升级通知】")
    assert text_of(fired(event="reminder", told=mine)).title.startswith("【处置提醒】")
