"""The providers that channels are tested against refuse what the real ones refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.plugins.fake_providers import DingTalk, Feishu, Provider, WeCom
from tests.plugins.fake_sms_providers import Aliyun, Platform, Tencent
from tests.plugins.webhook import Received, Reply


@pytest.fixture
def opened() -> Iterator[Callable[[Provider], Any]]:
    """Closes what a test opens."""
    providers: list[Provider] = []

    def keep(provider: Provider) -> Provider:
        providers.append(provider)
        return provider

    yield keep
    for provider in providers:
        provider.close()


def asked(provider: Provider, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    """The JSON of what a provider answers."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return json.loads(provider.take(Received(0.0, path, headers or {}, raw)).body)


def markdown(text: str = "报警") -> dict[str, Any]:
    """A message of DingTalk."""
    return {"msgtype": "markdown", "markdown": {"title": "t", "text": text}}


def signed_dingtalk(provider: DingTalk, at_ms: int, secret: str = "", token: str = DingTalk.token) -> str:
    """A path with a signature."""
    key = secret or provider.secret
    code = base64.b64encode(hmac.digest(key.encode(), f"{at_ms}\n{key}".encode(), "sha256")).decode()
    return "/robot/send?" + urlencode({"access_token": token, "timestamp": at_ms, "sign": code})


def test_dingtalk_checks_token_time_signature_length_and_keyword(opened: Callable[[Provider], Any]) -> None:
    """The right one is taken, each wrong one is refused with its code."""
    provider, now = opened(DingTalk(keyword="报警")), int(time.time() * 1000)
    assert asked(provider, signed_dingtalk(provider, now), markdown())["errcode"] == 0
    for path, body, code in (
        (signed_dingtalk(provider, now, token="x"), markdown(), 300001),
        (signed_dingtalk(provider, now - 3_700_000), markdown(), 310000),
        (signed_dingtalk(provider, now, "other"), markdown(), 310000),
        ("/robot/send?access_token=" + provider.token, markdown(), 310000),
        (signed_dingtalk(provider, now), markdown("报警" * 4000), 460101),
        (signed_dingtalk(provider, now), markdown("other"), 310000),
        (signed_dingtalk(provider, now), {"msgtype": "markdown"}, 400105),
    ):
        assert asked(provider, path, body)["errcode"] == code, path
    assert provider.taken == ["报警"]


def test_dingtalk_and_wecom_take_twenty_a_minute(opened: Callable[[Provider], Any]) -> None:
    """The twenty-first is too fast."""
    dingtalk, wecom = opened(DingTalk()), opened(WeCom())
    path = signed_dingtalk(dingtalk, int(time.time() * 1000))
    assert [asked(dingtalk, path, markdown())["errcode"] for _ in range(21)] == [0] * 20 + [130101]
    content = {"msgtype": "markdown", "markdown": {"content": "x"}}
    path = f"/cgi-bin/webhook/send?key={wecom.key}"
    assert [asked(wecom, path, content)["errcode"] for _ in range(21)] == [0] * 20 + [45009]


def test_wecom_checks_key_and_length(opened: Callable[[Provider], Any]) -> None:
    """4096 bytes of UTF-8, not one more."""
    provider = opened(WeCom())
    path = f"/cgi-bin/webhook/send?key={provider.key}"
    for where, text, code in ((path, "x" * 4096, 0), (path, "警" * 1366, 40058), (path[:-1], "x", 93000)):
        assert asked(provider, where, {"msgtype": "markdown", "markdown": {"content": text}})["errcode"] == code
    assert asked(provider, path, {"msgtype": "news"})["errcode"] == 40008


def test_feishu_checks_hook_signature_length_and_pace(opened: Callable[[Provider], Any]) -> None:
    """Five a second."""
    provider, now = opened(Feishu()), int(time.time())
    path = f"/open-apis/bot/v2/hook/{provider.token}"

    def message(at: int = now, secret: str = "", text: str = "x") -> dict[str, Any]:
        code = hmac.digest(f"{at}\n{secret or provider.secret}".encode(), b"", "sha256")
        post = {"zh_cn": {"title": "t", "content": [[{"tag": "text", "text": text}]]}}
        signed = {"timestamp": str(at), "sign": base64.b64encode(code).decode()}
        return signed | {"msg_type": "post", "content": {"post": post}}

    for where, body, code in (
        (path + "x", message(), 19001),
        (path, message(now - 3700), 19021),
        (path, message(secret="other"), 19021),
        (path, message(text="警" * 7000), 9499),
        (path, message() | {"msg_type": "none"}, 9499),
    ):
        assert asked(provider, where, body)["code"] == code
    assert [asked(provider, path, message())["code"] for _ in range(6)] == [0] * 5 + [11232]
    assert provider.taken == ["t\nx"] * 5


def test_the_platform_checks_password_number_and_text(opened: Callable[[Provider], Any]) -> None:
    """Its answers are XML in GBK."""
    provider = opened(Platform())
    right = {"account": provider.account, "password": provider.password, "mobile": "13800138000", "content": "超标"}
    for change, code in (
        ({}, "<result>0</result>"),
        ({"password": "x"}, "<result>-1</result>"),
        ({"mobile": "123"}, "<result>-2</result>"),
        ({"content": "http://x"}, "<result>-3</result>"),
    ):
        body = urlencode(right | change, encoding="gbk").encode()
        reply = provider.take(Received(0.0, "/", {}, body))
        assert code in reply.body.decode("gbk")
    assert provider.taken == ["超标"]


#: One notification with a variable of four characters.
ALIYUN = {
    "PhoneNumbers": "13800138000",
    "SignName": "签名",
    "TemplateCode": "SMS_1",
    "TemplateParam": '{"place":"泵房"}',
}


def aliyun_request(provider: Aliyun, nonce: str, *, secret: str = "", ago_s: int = 0, **changed: str) -> Received:
    """A signed call, by the steps of the documentation."""
    query = "&".join(f"{name}={quote(value, safe='~')}" for name, value in sorted((ALIYUN | changed).items()))
    headers = {
        "host": "h",
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": datetime.fromtimestamp(time.time() - ago_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": "2017-05-25",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n/\n{query}\n{lines}\n{names}\n{headers['x-acs-content-sha256']}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    code = hmac.digest((secret or provider.secret).encode(), text.encode(), "sha256").hex()
    headers["authorization"] = f"ACS3-HMAC-SHA256 Credential={provider.key},SignedHeaders={names},Signature={code}"
    return Received(0.0, f"/?{query}", headers, b"")


def test_aliyun_checks_signature_time_and_nonce(opened: Callable[[Provider], Any]) -> None:
    """A call signed by hand is taken once."""
    provider = opened(Aliyun("签名", {"SMS_1": {"place": 4}}))

    def code(received: Received) -> str:
        return str(json.loads(provider.take(received).body)["Code"])

    assert code(aliyun_request(provider, "n1")) == "OK"
    assert code(aliyun_request(provider, "n1")) == "SignatureNonceUsed"
    assert code(aliyun_request(provider, "n2", secret="other")) == "SignatureDoesNotMatch"
    assert code(aliyun_request(provider, "n3", ago_s=1000)) == "InvalidTimeStamp.Expired"
    assert code(Received(0.0, "/", {}, b"")) == "MissingAuthorization"
    forged = aliyun_request(provider, "n4")
    assert code(Received(0.0, forged.path.replace("SMS_1", "SMS_2"), forged.headers, b"")) == "SignatureDoesNotMatch"
    assert len(provider.taken) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"PhoneNumbers": "12345"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"SignName": "x"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"TemplateCode": "x"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"TemplateParam": "{}"}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"TemplateParam": '{"place":""}'}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"TemplateParam": '{"place":"12345"}'}, "isv.PARAM_LENGTH_LIMIT"),
        ({"TemplateParam": '{"place":"http"}'}, "isv.PARAM_NOT_SUPPORT_URL"),
    ],
)
def test_aliyun_checks_number_signature_template_and_values(
    opened: Callable[[Provider], Any], changed: dict[str, str], code: str
) -> None:
    """Each with its own code, answered with 200."""
    provider = opened(Aliyun("签名", {"SMS_1": {"place": 4}}))
    reply: Reply = provider.take(aliyun_request(provider, "n", **changed))
    assert (reply.status, json.loads(reply.body)["Code"]) == (200, code)


def test_aliyun_takes_so_many_a_day(opened: Callable[[Provider], Any]) -> None:
    """To one number with one template."""
    provider = opened(Aliyun("签名", {"SMS_1": {"place": 4}, "SMS_2": {"place": 4}}))
    replies = [provider.take(aliyun_request(provider, f"n{n}")) for n in range(51)]
    codes = [json.loads(reply.body)["Code"] for reply in replies]
    assert codes == ["OK"] * 50 + ["isv.BUSINESS_LIMIT_CONTROL"]
    other = provider.take(aliyun_request(provider, "other", TemplateCode="SMS_2"))
    assert json.loads(other.body)["Code"] == "OK"


def tencent_request(provider: Tencent, *, secret: str = "", ago_s: int = 0, **changed: Any) -> Received:
    """A signed call, by the steps of the documentation."""
    sms = {"PhoneNumberSet": ["13800138000"], "SmsSdkAppId": provider.app, "SignName": "签名"}
    body = json.dumps(sms | {"TemplateId": "1", "TemplateParamSet": ["泵房"]} | changed).encode()
    stamp = int(time.time()) - ago_s
    day = datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d")
    canonical = (
        "POST\n/\n\ncontent-type:application/json\nhost:h\n\ncontent-type;host\n" + hashlib.sha256(body).hexdigest()
    )
    text = f"TC3-HMAC-SHA256\n{stamp}\n{day}/sms/tc3_request\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{secret or provider.secret_key}".encode()
    for part in (day, "sms", "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    headers = {
        "host": "h",
        "content-type": "application/json",
        "x-tc-action": "SendSms",
        "x-tc-version": "2021-01-11",
        "x-tc-timestamp": str(stamp),
        "authorization": f"TC3-HMAC-SHA256 Credential={provider.secret_id}/{day}/sms/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={hmac.digest(key, text.encode(), 'sha256').hex()}",
    }
    return Received(0.0, "/", headers, body)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, "Ok"),
        ({"secret": "other"}, "AuthFailure.SignatureFailure"),
        ({"ago_s": 400}, "AuthFailure.SignatureExpire"),
        ({"SmsSdkAppId": "2"}, "UnauthorizedOperation.SmsSdkAppIdVerifyFail"),
        ({"PhoneNumberSet": ["1"]}, "InvalidParameterValue.IncorrectPhoneNumber"),
        ({"SignName": "x"}, "FailedOperation.SignatureIncorrectOrUnapproved"),
        ({"TemplateId": "2"}, "FailedOperation.TemplateIncorrectOrUnapproved"),
        ({"TemplateParamSet": []}, "FailedOperation.TemplateIncorrectOrUnapproved"),
        ({"TemplateParamSet": ["1234567890123"]}, "InvalidParameterValue.TemplateParameterLengthLimit"),
        ({"TemplateParamSet": ["http"]}, "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"),
    ],
)
def test_tencent_checks_signature_time_application_number_template_and_values(
    opened: Callable[[Provider], Any], changed: dict[str, Any], code: str
) -> None:
    """Each with its own code, of the request or of the one number."""
    provider = opened(Tencent("签名", {"1": 1}))
    response = json.loads(provider.take(tencent_request(provider, **changed)).body)["Response"]
    found = response["Error"]["Code"] if "Error" in response else response["SendStatusSet"][0]["Code"]
    assert found == code


def test_tencent_takes_ten_a_day(opened: Callable[[Provider], Any]) -> None:
    """To one number."""
    provider = opened(Tencent("签名", {"1": 1}))
    replies = [json.loads(provider.take(tencent_request(provider)).body)["Response"] for _ in range(11)]
    codes = [response["SendStatusSet"][0]["Code"] for response in replies]
    assert codes == ["Ok"] * 10 + ["LimitExceeded.PhoneNumberDailyLimit"]
