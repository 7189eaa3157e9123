"""What people read of a notice, in both languages."""

from __future__ import annotations

import json
import re

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
        ("cleared", {"cleared_at": AT}, {}, "【已恢复】城北水厂出厂水 游离氯低于限值"),
        ("acknowledged", {}, {}, "【处置中】城北水厂出厂水 游离氯低于限值"),
        ("escalated", {}, {}, "【升级通知】城北水厂出厂水 游离氯低于限值"),
        ("reminder", {}, {}, "【处置提醒】城北水厂出厂水 游离氯低于限值"),
        ("fired", {"severity": "critical"}, {}, "【紧急报警】城北水厂出厂水 游离氯低于限值"),
        (
            "fired",
            {"parameter": "", "value": None, "limit_value": None},
            {"kind": "silent", "rule": Words("设备离线", "Device offline")},
            "【重要报警】城北水厂出厂水 设备离线",
        ),
        (
            "fired",
            {"value": None, "limit_value": None},
            {"kind": "absent", "rule": Words()},
            "【重要报警】城北水厂出厂水 游离氯 离线",
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
        ({"value": 0.6, "limit_value": 0.2}, {"kind": "bad_flags"}, "数值：0.6（限值 0.2）"),
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
            "【重要报警】城北水厂出厂水 数据缺号",
            "",
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
