"""Registered templates: which one, with which values, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from alerts.notify import Notice, Words
from alerts.notify.aliyun_sms import AliyunSms
from alerts.notify.templates import CLASSES, Filled, Templates
from alerts.notify.templates import VARIABLES as KNOWN
from alerts.notify.tencent_sms import TencentSms
from tests.support.notices import PERSON, TOLD, digest, fired, trial

VARIABLES = {"place": 6, "parameter": 12, "value": 12}
ENGLISH = msgspec.structs.replace(PERSON, language="en")


def templates(**codes: dict[str, Any]) -> Templates:
    """Templates by class and language; a code stands for a template with usual variables."""
    return Templates(
        {
            name: {
                one: {"code": body, "variables": VARIABLES} if isinstance(body, str) else body
                for one, body in languages.items()
            }
            for name, languages in codes.items()
        }
    )


def test_values_are_cut_to_what_was_declared() -> None:
    """By characters, in the order of the template."""
    filled = templates(fired={"zh": "SMS_1"}).fill(fired(PERSON))
    assert filled == Filled("SMS_1", "", {"place": "城北水厂出厂", "parameter": "游离氯", "value": "0.11mg/L"})


def test_every_variable_says_something() -> None:
    """An alert fills all; what has no value is a dash, which no provider refuses."""
    variables = dict.fromkeys(
        (
            "event",
            "severity",
            "unit",
            "place",
            "device",
            "rule",
            "parameter",
            "value",
            "limit",
            "since",
            "call",
            "count",
        ),
        35,
    )
    written = {"fired": {"zh": {"code": "S", "variables": variables}}}
    filled = Templates(written).fill(fired(PERSON))
    assert filled is not None
    assert filled.values == {
        "event": "重要报警",
        "severity": "重要",
        "unit": "城北水厂",
        "place": "城北水厂出厂水",
        "device": "wq-1",
        "rule": "游离氯偏低",
        "parameter": "游离氯",
        "value": "0.11mg/L",
        "limit": "0.30",
        "since": "11-22 11:20",
        "call": "张三",
        "count": "1",
    }
    silent = Templates(written).fill(
        fired(PERSON, parameter="", value=None, limit_value=None, told=msgspec.structs.replace(TOLD, parameter=Words()))
    )
    assert silent is not None
    assert (silent.values["parameter"], silent.values["value"], silent.values["limit"]) == ("-", "-", "-")


@pytest.mark.parametrize(
    ("most", "values"),
    [
        (12, ("1250.5m3/h", "1000.0", "11-22 11:20")),
        (7, ("1250.5", "1000.0", "11:20")),
        (6, ("1250.5", "1000.0", "11:20")),
        (5, ("-", "-", "11:20")),
        (4, ("-", "-", "-")),
    ],
)
def test_a_number_is_never_cut_into_another_one(most: int, values: tuple[str, str, str]) -> None:
    """The unit goes, the date goes, and what still does not fit is left out."""
    variables = dict.fromkeys(("value", "limit", "since"), most)
    flow = fired(PERSON, parameter="flow", parameter_unit="m3/h", value=1250.5, limit_value=1000.0)
    filled = Templates({"fired": {"zh": {"code": "F", "variables": variables}}}).fill(flow)
    assert filled is not None
    assert tuple(filled.values.values()) == values


@pytest.mark.parametrize(
    ("notice", "code"),
    [
        (fired(PERSON), "F"),
        (fired(PERSON, event="cleared"), "C"),
        (fired(PERSON, event="escalated"), "E"),
        (fired(PERSON, event="reminder"), "F"),
        (digest(5, PERSON), "D"),
        (msgspec.structs.replace(digest(5, PERSON), event="fired"), "D"),
        (fired(PERSON, event="shelved"), None),
        (trial(PERSON), None),
    ],
)
def test_the_template_is_that_of_what_happened(notice: Notice, code: str | None) -> None:
    """Several alerts are a digest; a reminder of a firing may say that it fired; a test never says an alarm."""
    known = templates(fired={"zh": "F"}, cleared={"zh": "C"}, escalated={"zh": "E"}, digest={"zh": "D"})
    filled = known.fill(notice)
    assert (filled.code if filled else None) == code


def test_a_person_is_told_in_the_own_language_where_there_is_a_template() -> None:
    """Otherwise in the other one, with values of that language: better than not at all."""
    both = templates(fired={"zh": "Z", "en": "E"}).fill(fired(ENGLISH))
    assert both == Filled("E", "", {"place": "North", "parameter": "Free chlorin", "value": "0.11mg/L"})
    chinese = templates(fired={"zh": "Z"}).fill(fired(ENGLISH))
    assert chinese == Filled("Z", "", {"place": "城北水厂出厂", "parameter": "游离氯", "value": "0.11mg/L"})


def test_what_providers_refuse_never_gets_into_a_value() -> None:
    """Links, brackets of a signature, line feeds, decoration."""
    place = Words("【假】泵\n房 http://x.example ★$", "")
    filled = templates(fired={"zh": "F"}).fill(fired(PERSON, told=msgspec.structs.replace(TOLD, place=place)))
    assert filled is not None
    assert filled.values["place"] == "假 泵 房"


def test_units_are_written_without_marks_that_providers_refuse() -> None:
    """m3/h, not m³/h."""
    filled = templates(fired={"zh": "F"}).fill(fired(PERSON, parameter="flow", parameter_unit="m3/h", value=12.5))
    assert filled is not None
    assert filled.values["value"] == "12.5m3/h"


def test_a_digest_fills_counts() -> None:
    """Of 2,000: how many, how grave, and what came first."""
    written = {"digest": {"zh": {"code": "D", "variables": {"count": 6, "severity": 20, "first": 30}}}}
    filled = Templates(written).fill(digest(2000, PERSON))
    assert filled is not None
    assert filled.values == {
        "count": "2000",
        "severity": "紧急 20，一般 1980",
        "first": "11-22 11:20 第1号二次供水泵房 游离氯低于限值",
    }


def test_all_faults_are_told_at_once() -> None:
    """Missing templates, empty codes, unknown variables, and those longer than the provider takes."""
    known = Templates(
        {
            "fired": {"zh": {"code": " ", "variables": {"place": 36, "colour": 5}}},
            "cleared": {"zh": {"code": "C", "variables": {"place": 0, "since": 5}}},
            "digest": {"zh": {"code": "D"}},
        }
    )
    assert known.faults(35) == [
        "templates.fired.zh: code is empty; allowed: the provider's code of the template",
        "templates.fired.zh: variable 'place' has 36 characters; allowed: 1 to 35, which the provider takes",
        f"templates.fired.zh: variable 'colour' is not known; allowed: {', '.join(KNOWN)}",
        "templates.cleared.zh: variable 'place' has 0 characters; allowed: 1 to 35, which the provider takes",
        "templates.cleared.zh: variable 'since' has 5 characters; usual ones need 11 and become '-'",
        "templates.test.zh: there is no template; such messages are refused",
    ]


def test_templates_without_fault_have_none() -> None:
    """Those that may be said as a firing need none of their own."""
    codes: dict[str, dict[str, Any]] = {name: {"zh": name} for name in CLASSES if name not in {"escalated", "reminder"}}
    assert templates(**codes).faults(12) == []
    assert templates(**codes).faults(12, ["zh", "en"]) == [
        f"templates.{name}.en: there is no template; such messages are refused"
        for name in ("fired", "cleared", "digest", "test")
    ]


def test_each_provider_has_its_own_length() -> None:
    """Tencent Cloud takes 12 characters a variable, Aliyun 35."""
    written = {"fired": {"zh": {"code": "1", "variables": {"place": 20}}}}
    aliyun = AliyunSms(access_key="k", access_secret="s", sign_name="签名", templates=written)
    tencent = TencentSms(secret_id="i", secret_key="k", app_id="1", sign_name="签名", templates=written)
    assert not any("'place'" in fault for fault in aliyun.faults())
    assert any("'place' has 20 characters; allowed: 1 to 12" in fault for fault in tencent.faults())


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ({"fire": {"zh": {"code": "1"}}}, "templates.fire is not known; allowed: fired, cleared, digest"),
        ({"fired": "SMS_1"}, "templates.fired is not known; allowed: "),
        ({"fired": {"de": {"code": "1"}}}, "templates.fired.de is in no known language; allowed: zh, en"),
        ({"fired": {"zh": {}}}, "templates.fired.zh: .*code.*; allowed: code, sign_name, variables"),
        ({"fired": {"zh": {"code": "1", "name": "x"}}}, "templates.fired.zh: .*name.*; allowed: "),
        ({"fired": {"zh": {"code": "1", "variables": {"place": "x"}}}}, "templates.fired.zh: .*; allowed: "),
    ],
)
def test_what_is_no_template_is_refused_where_it_is_read(written: dict[str, Any], words: str) -> None:
    """With its place and what is allowed."""
    with pytest.raises(ValueError, match=words):
        Templates(written)
