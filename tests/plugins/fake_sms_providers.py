"""Providers of SMS on 127.0.0.1 that check what the real ones check, by their documentation.

They share no code with the senders. Each refuses a wrong signature, an old timestamp, what is not registered, too long
or too often, with the documented status and body; ``next`` scripts anything else (see ``tests.plugins.webhook``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit
from xml.etree import ElementTree as ET

from tests.plugins.fake_providers import Document, Provider, answer
from tests.plugins.webhook import Received, Reply


class Platform(Provider):
    """An SMS platform of a city: forms in GBK, answers in XML, one message a minute to one number of the same text."""

    account, password = "water-office", "platform-password"

    def check(self, received: Received) -> Reply:
        """See ``Provider``."""
        form = {name: values[0] for name, values in parse_qs(received.body.decode("ascii"), encoding="gbk").items()}
        if (form.get("account"), form.get("password")) != (self.account, self.password):
            return self.xml("-1", f"账号 {form.get('account')} 或密码 {form.get('password')} 错误")
        if not re.fullmatch(r"1[3-9]\d{9}", form.get("mobile", "")):
            return self.xml("-2", f"号码 {form.get('mobile')} 非法")
        if "http" in form["content"] or "\n" in form["content"] or len(form["content"]) > 500:
            return self.xml("-3", "内容非法")
        if self.too_fast(10, 60):
            return self.xml("-9", "发送过快")
        self.taken.append(form["content"])
        return self.xml("0", "提交成功", str(880_000 + len(self.taken)))

    @staticmethod
    def xml(code: str, words: str, id_: str = "") -> Reply:
        """An answer in GBK."""
        root = ET.Element("response")
        for name, value in (("result", code), ("message", words), ("msgid", id_)):
            ET.SubElement(root, name).text = value
        return Reply(200, {"Content-Type": "text/xml; charset=GBK"}, ET.tostring(root, "gbk"))


class Aliyun(Provider):
    """help.aliyun.com: SendSms of 2017-05-25, signed by "V3 request body & signature mechanism"."""

    key, secret = "LTAI-access-key", "aliyun-access-secret"

    def __init__(self, sign: str, templates: Mapping[str, Mapping[str, int]]) -> None:
        super().__init__()
        self.sign = sign
        self.templates = templates
        self.most_a_day = 50
        self._sent: Counter[tuple[str, str]] = Counter()
        self._nonces: set[str] = set()

    def check(self, received: Received) -> Reply:
        """See ``Provider``."""
        fault = self._unsigned(received)
        if fault is not None:
            return fault
        code, words = self._business(dict(parse_qsl(urlsplit(received.path).query)))
        document = {"Code": code, "Message": words, "RequestId": "F655A8D5-B967-440B-8683-DAD6FF8DE990"}
        if code == "OK":
            document["BizId"] = f"90061974630622893{len(self.taken)}^0"
        return answer(document)

    def _unsigned(self, received: Received) -> Reply | None:  # noqa: PLR0911 - one refusal a line of the documentation
        headers = received.headers
        match = re.fullmatch(
            r"ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if match is None:
            return self._fault(400, "MissingAuthorization", "Authorization is mandatory for this action.")
        if match[1] != self.key:
            return self._fault(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        at = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        if abs(time.time() - at.timestamp()) > 900:
            return self._fault(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
        nonce = headers["x-acs-signature-nonce"]
        if nonce in self._nonces:
            return self._fault(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
        self._nonces.add(nonce)
        if (headers.get("x-acs-action"), headers.get("x-acs-version")) != ("SendSms", "2017-05-25"):
            return self._fault(404, "InvalidAction.NotFound", "Specified api is not found.")
        names = match[2].split(";")
        query = parse_qsl(urlsplit(received.path).query, keep_blank_values=True)
        wanted = "\n".join(
            [
                "POST",
                "/",
                "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(query)),
                *(f"{name}:{headers[name].strip()}" for name in names),
                "",
                match[2],
                hashlib.sha256(received.body).hexdigest(),
            ]
        )
        text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(wanted.encode()).hexdigest()
        if hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest() != match[3]:
            return self._fault(400, "SignatureDoesNotMatch", f"Specified signature is not matched: {text}")
        return None

    def _business(self, sms: dict[str, str]) -> tuple[str, str]:  # noqa: PLR0911 - one refusal a line of the documentation
        phone, declared = sms["PhoneNumbers"], self.templates.get(sms["TemplateCode"])
        values = json.loads(sms["TemplateParam"])
        if not re.fullmatch(r"(\+?86)?1[3-9]\d{9}", phone):
            return "isv.MOBILE_NUMBER_ILLEGAL", f"{phone}invalid mobile number"
        if sms["SignName"] != self.sign:
            return "isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名"
        if declared is None:
            return "isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板"
        if set(declared) - set(values) or not all(values.values()):
            return "isv.TEMPLATE_MISSING_PARAMETERS", "模板变量中存在未赋值变量"
        if any(len(values[name]) > most for name, most in declared.items()):
            return "isv.PARAM_LENGTH_LIMIT", "参数超过长度限制"
        if any("http" in value or "【" in value for value in values.values()):
            return "isv.PARAM_NOT_SUPPORT_URL", "变量不支持传入URL"
        if self._sent[phone, sms["TemplateCode"]] >= self.most_a_day:
            return "isv.BUSINESS_LIMIT_CONTROL", f"触发天级流控Permits:{self.most_a_day}"
        self._sent[phone, sms["TemplateCode"]] += 1
        self.taken.append((phone, sms["TemplateCode"], values, sms.get("OutId")))
        return "OK", "OK"

    @staticmethod
    def _fault(status: int, code: str, words: str) -> Reply:
        host = "dysmsapi.aliyuncs.com"
        return answer({"RequestId": "8906582E-6722", "HostId": host, "Code": code, "Message": words}, status)


class Tencent(Provider):
    """cloud.tencent.com: SendSms of 2021-01-11, signed by "Signature v3"."""

    secret_id, secret_key, app = "AKID-secret-id", "tencent-secret-key", "1400006666"

    def __init__(self, sign: str, templates: Mapping[str, int]) -> None:
        super().__init__()
        self.sign = sign
        self.templates = templates
        self.most_a_day = 10
        self._sent: Counter[str] = Counter()

    def check(self, received: Received) -> Reply:
        """See ``Provider``."""
        fault = self._unsigned(received)
        if fault is not None:
            return fault
        sms = received.document
        if sms["SmsSdkAppId"] != self.app:
            return self._fault("UnauthorizedOperation.SmsSdkAppIdVerifyFail", "SmsSdkAppId verify fail")
        statuses = []
        for phone in sms["PhoneNumberSet"]:
            code, words = self._business(phone, sms)
            serial = f"2640:{len(self.taken)}" if code == "Ok" else ""
            statuses.append(
                {"SerialNo": serial, "PhoneNumber": phone, "Fee": int(code == "Ok"), "SessionContext": "", "Code": code}
                | {"Message": words, "IsoCode": "CN"}
            )
        return self._answer({"SendStatusSet": statuses, "RequestId": "a0aabda6-cf91-4f3e-a81f-9198114a2279"})

    def _unsigned(self, received: Received) -> Reply | None:
        headers = received.headers
        match = re.fullmatch(
            r"TC3-HMAC-SHA256 Credential=([^/]+)/([0-9-]{10})/sms/tc3_request, "
            r"SignedHeaders=content-type;host, Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if match is None or (headers["x-tc-action"], headers["x-tc-version"]) != ("SendSms", "2021-01-11"):
            return self._fault("AuthFailure.InvalidAuthorization", "authorization header is invalid")
        stamp = headers["x-tc-timestamp"]
        if abs(time.time() - int(stamp)) > 300:
            return self._fault("AuthFailure.SignatureExpire", "signature expired")
        if match[1] != self.secret_id:
            return self._fault("AuthFailure.SecretIdNotFound", "The SecretId is not found")
        wanted = (
            f"POST\n/\n\ncontent-type:{headers['content-type']}\nhost:{headers['host']}\n\ncontent-type;host\n"
            + hashlib.sha256(received.body).hexdigest()
        )
        text = f"TC3-HMAC-SHA256\n{stamp}\n{match[2]}/sms/tc3_request\n" + hashlib.sha256(wanted.encode()).hexdigest()
        key = b"TC3" + self.secret_key.encode()
        for part in (match[2], "sms", "tc3_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        if hmac.new(key, text.encode(), hashlib.sha256).hexdigest() != match[3]:
            return self._fault("AuthFailure.SignatureFailure", f"could not be validated: {self.secret_key}")
        return None

    def _business(self, phone: str, sms: Document) -> tuple[str, str]:  # noqa: PLR0911 - one refusal a line of the documentation
        if not re.fullmatch(r"(\+?86)?1[3-9]\d{9}", phone):
            return "InvalidParameterValue.IncorrectPhoneNumber", f"phone number {phone} is incorrect"
        if sms["SignName"] != self.sign:
            return "FailedOperation.SignatureIncorrectOrUnapproved", "signature is incorrect or unapproved"
        values = sms["TemplateParamSet"]
        if self.templates.get(sms["TemplateId"]) != len(values) or not all(values):
            return "FailedOperation.TemplateIncorrectOrUnapproved", "template is incorrect or unapproved"
        if any(len(value) > 12 for value in values):
            return "InvalidParameterValue.TemplateParameterLengthLimit", "template parameter length limit"
        if any("http" in value for value in values):
            return "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter", "url in template parameter"
        if self._sent[phone] >= self.most_a_day:
            return "LimitExceeded.PhoneNumberDailyLimit", "the number of sms messages sent exceeds the daily limit"
        self._sent[phone] += 1
        self.taken.append((phone, sms["TemplateId"], values, sms.get("SessionContext")))
        return "Ok", "send success"

    def _fault(self, code: str, words: str) -> Reply:
        return self._answer({"Error": {"Code": code, "Message": words}, "RequestId": "ed93f3cb-f35e"})

    @staticmethod
    def _answer(response: Document) -> Reply:
        """Whatever was processed is answered with 200, and with this Content-Type to the letter."""
        return Reply(200, {"Content-Type": "application/json"}, json.dumps({"Response": response}).encode())
