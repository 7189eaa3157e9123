"""SMS by Aliyun: what is sent and what its codes mean (pure; ``gateway.cloud_sms`` calls the official SDK).

Source: help.aliyun.com, Short Message Service, SendSms (API version 2017-05-25) and its error codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from alerts.notify import Delivered, Notice, Outcome, Refused, Retry
from alerts.notify.hidden import Hidden
from alerts.notify.templates import Templates

#: (messages, seconds) to one number with the same signature and template: notifications, a calendar day.
LIMITS = ((50, 86_400),)
#: Characters of one variable of a notification.
MOST_VARIABLE = 35
#: Will pass by itself: limits of a minute, an hour, a day or of the account, and faults of the provider.
_AGAIN = frozenset(
    {
        *("isv.BUSINESS_LIMIT_CONTROL", "isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL"),
        *("isp.SYSTEM_ERROR", "isp.UNKNOWN_ERR_CODE", "isp.GATEWAY_TIMEOUT", "isp.GATEWAY_ERROR"),
        *("ServiceUnavailable", "InternalError", "SignatureNonceUsed"),
    }
)


class AliyunSms:
    """One account and signature. ``templates`` as in ``alerts.notify.templates``; raises ValueError on its faults."""

    def __init__(
        self,
        *,
        access_key: str,
        access_secret: str,
        sign_name: str,
        templates: Mapping[str, Mapping[str, Any]],
        endpoint: str = "",
        region: str = "cn-hangzhou",
        language: str = "zh",
    ) -> None:
        self.access_key = access_key
        self.access_secret = access_secret
        self.endpoint = endpoint
        self.region = region
        self.templates = Templates(templates)
        self._sign_name = sign_name
        self._language = language
        self._hidden = Hidden(endpoint, access_key, access_secret)

    def __repr__(self) -> str:
        """Tells the signature, which every message shows, and no key."""
        return f"AliyunSms({self._sign_name})"

    def faults(self, languages: Sequence[str] = ("zh",)) -> list[str]:
        """What its templates lack for people of these languages, one line each; see ``Templates.faults``."""
        return self.templates.faults(MOST_VARIABLE, languages)

    def request(self, notice: Notice) -> dict[str, str] | Refused:
        """The arguments of ``SendSmsRequest``."""
        if notice.to is None or not notice.to.number:
            return Refused("the person has no phone number")
        filled = self.templates.fill(notice, self._language)
        if filled is None:
            return Refused(f"no template is registered for {notice.event!r}")
        return {
            "phone_numbers": notice.to.number,
            "sign_name": filled.sign_name or self._sign_name,
            "template_code": filled.code,
            "template_param": msgspec.json.encode(filled.values).decode(),
            "out_id": notice.key,
        }

    def judge(self, code: str, message: str, status: int | None = None, biz_id: str = "") -> Outcome:
        """What an answer means; a fault of the transport has no code."""
        if code == "OK":
            return Delivered(status, biz_id)
        words = self._hidden.shown(f"{code} {message}".strip())
        if code in _AGAIN or code.startswith("Throttling") or not code or (status or 0) >= 500:
            return Retry(words, status)
        return Refused(words, status)
