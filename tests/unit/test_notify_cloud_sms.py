"""What the two clouds are asked and what their codes mean, without any network."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

import pytest

from alerts.notify import Delivered, Outcome, Refused, Retry
from alerts.notify.aliyun_sms import AliyunSms
from alerts.notify.tencent_sms import TencentSms
from gateway.cloud_sms import AliyunSender, TencentSender
from gateway.errors import ConfigurationError
from tests.support.notices import PERSON, PHONE, fired

TEMPLATES = {
    "fired": {"zh": {"code": "SMS_1", "variables": {"place": 12, "value": 12}}},
    "cleared": {"zh": {"code": "SMS_2", "sign_name": "别的签名"}},
}


def aliyun() -> AliyunSms:
    """An account."""
    return AliyunSms(access_key="LTAI-the-key", access_secret="the-secret", sign_name="卫监所", templates=TEMPLATES)


def tencent() -> TencentSms:
    """An application."""
    return TencentSms(
        secret_id="AKID-the-id", secret_key="the-secret", app_id="1400006666", sign_name="卫监所", templates=TEMPLATES
    )


def test_aliyun_is_asked_by_names() -> None:
    """Variables as JSON by their names; the key of the notice as the caller's own id."""
    request = aliyun().request(fired(PERSON))
    assert isinstance(request, dict)
    assert json.loads(request.pop("template_param")) == {"place": "城北水厂出厂水", "value": "0.11mg/L"}
    assert request == {
        "phone_numbers": PHONE,
        "sign_name": "卫监所",
        "template_code": "SMS_1",
        "out_id": fired().key,
    }


def test_tencent_is_asked_by_places() -> None:
    """Variables in the order of the template; a template may have a signature of its own."""
    assert tencent().request(fired(PERSON)) == {
        "PhoneNumberSet": [PHONE],
        "SmsSdkAppId": "1400006666",
        "SignName": "卫监所",
        "TemplateId": "SMS_1",
        "TemplateParamSet": ["城北水厂出厂水", "0.11mg/L"],
        "SessionContext": fired().key,
    }
    cleared = tencent().request(fired(PERSON, event="cleared"))
    assert isinstance(cleared, dict)
    assert (cleared["SignName"], cleared["TemplateParamSet"]) == ("别的签名", [])


@pytest.mark.parametrize("kind", [aliyun(), tencent()])
def test_without_a_template_nothing_is_sent(kind: AliyunSms | TencentSms) -> None:
    """Delivery takes the next channel; doctor says what is missing."""
    assert kind.request(fired(PERSON, event="shelved")) == Refused("no template is registered for 'shelved'")
    assert "templates.digest.zh: there is no template; such messages are refused" in kind.faults()


@pytest.mark.parametrize(
    ("code", "message", "status", "outcome"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:50", 200, Retry),
        ("isv.DAY_LIMIT_CONTROL", "x", 200, Retry),
        ("isp.SYSTEM_ERROR", "x", 200, Retry),
        ("Throttling.User", "x", 400, Retry),
        ("ServiceUnavailable", "x", 503, Retry),
        ("SomethingNew", "x", 500, Retry),
        ("", "", None, Retry),
        ("isv.MOBILE_NUMBER_ILLEGAL", "x", 200, Refused),
        ("isv.SMS_TEMPLATE_ILLEGAL", "x", 200, Refused),
        ("isv.SMS_SIGNATURE_ILLEGAL", "x", 200, Refused),
        ("isv.AMOUNT_NOT_ENOUGH", "x", 200, Refused),
        ("isv.OUT_OF_SERVICE", "x", 200, Refused),
        ("isv.PARAM_LENGTH_LIMIT", "x", 200, Refused),
        ("SignatureDoesNotMatch", "x", 400, Refused),
        ("InvalidAccessKeyId.NotFound", "x", 404, Refused),
    ],
)
def test_codes_of_aliyun(code: str, message: str, status: int | None, outcome: type[Outcome]) -> None:
    """Limits and the provider's own faults come again; what the account or the request lacks does not."""
    judged = aliyun().judge(code, message, status)
    assert type(judged) is outcome
    assert judged.words == f"{code} {message}".strip()


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("LimitExceeded.PhoneNumberDailyLimit", Retry),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", Retry),
        ("LimitExceeded.DeliveryFrequencyLimit", Retry),
        ("RequestLimitExceeded", Retry),
        ("InternalError.Timeout", Retry),
        ("InternalError", Retry),
        ("ClientNetworkError", Retry),
        ("ServerNetworkError", Retry),
        ("JSONDecodeError", Retry),
        ("", Retry),
        ("InternalError.SigVerificationFail", Refused),
        ("AuthFailure.SignatureFailure", Refused),
        ("FailedOperation.TemplateIncorrectOrUnapproved", Refused),
        ("FailedOperation.SignatureIncorrectOrUnapproved", Refused),
        ("FailedOperation.InsufficientBalanceInSmsPackage", Refused),
        ("FailedOperation.PhoneNumberInBlacklist", Refused),
        ("InvalidParameterValue.IncorrectPhoneNumber", Refused),
        ("UnauthorizedOperation.SmsSdkAppIdVerifyFail", Refused),
    ],
)
def test_codes_of_tencent(code: str, outcome: type[Outcome]) -> None:
    """Limits, the way and the provider's own faults come again; all else does not."""
    assert type(tencent().judge(code, "words")) is outcome


def test_the_providers_id_is_kept() -> None:
    """By it the provider finds the message again."""
    assert aliyun().judge("OK", "OK", 200, "900619746306228935^0") == Delivered(200, "900619746306228935^0")
    assert tencent().judge("Ok", "send success", "2640:1") == Delivered(200, "2640:1")


@pytest.mark.parametrize("kind", [aliyun(), tencent()])
def test_keys_are_never_shown(kind: Any) -> None:
    """Not by the object, not by words that quote them."""
    words = kind.judge("SomeFault", "LTAI-the-key AKID-the-id the-secret").words
    assert "the-secret" not in words + repr(kind)
    assert not {"LTAI-the-key", "AKID-the-id"} <= set(words.split())


@pytest.mark.parametrize(
    ("sender", "kind", "extra"), [(AliyunSender, aliyun(), "aliyun"), (TencentSender, tencent(), "tencent")]
)
def test_a_missing_extra_is_a_fault_of_the_configuration(
    monkeypatch: pytest.MonkeyPatch, sender: Any, kind: Any, extra: str
) -> None:
    """Said with what to install, when the gateway starts and not at the first alert."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match=rf"pip install hygeia-gateway\[{extra}\]"):
        sender(kind)
