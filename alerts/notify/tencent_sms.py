"""SMS by Tencent Cloud: what is sent and what its codes mean (pure; ``gateway.cloud_sms`` calls the official SDK).

Source: cloud.tencent.com, Short Message Service, SendSms (API version 2021-01-11) and its error codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.notify import Delivered, Notice, Outcome, Refused, Retry
from alerts.notify.hidden import Hidden
from alerts.notify.templates import Templates

#: (messages, seconds) to one number: the same text once in 30 seconds, ten a calendar day; an account may change them.
LIMITS = ((1, 30), (10, 86_400))
#: Characters of one variable: error 1036 of the older API, InvalidParameterValue.TemplateParameterLengthLimit.
MOST_VARIABLE = 12
#: Will pass by itself: limits and faults of the provider. The first part of a code, as of ``LimitExceeded.…``.
_AGAIN = frozenset({"LimitExceeded", "RequestLimitExceeded", "InternalError", "ServiceUnavailable"})
#: Called internal errors, and the fault of the request.
_NEVER = frozenset({f"InternalError.{one}" for one in ("SigVerificationFail", "SigFieldMissing", "JsonParseFail")})
#: The session context of a request, bytes.
_MOST_CONTEXT = 511


class TencentSms:
    """One application and signature. ``templates`` as in ``alerts.notify.templates``; raises ValueError on faults."""

    def __init__(
        self,
        *,
        secret_id: str,
        secret_key: str,
        app_id: str,
        sign_name: str,
        templates: Mapping[str, Mapping[str, Any]],
        endpoint: str = "",
        region: str = "ap-guangzhou",
        language: str = "zh",
    ) -> None:
        self.secret_id = secret_id
        self.secret_key = secret_key
        self.endpoint = endpoint
        self.region = region
        self.templates = Templates(templates)
        self._app_id = app_id
        self._sign_name = sign_name
        self._language = language
        self._hidden = Hidden(endpoint, secret_id, secret_key)

    def __repr__(self) -> str:
        """Tells the signature, which every message shows, and no key."""
        return f"TencentSms({self._sign_name})"

    def faults(self, languages: Sequence[str] = ("zh",)) -> list[str]:
        """What its templates lack for people of these languages, one line each; see ``Templates.faults``."""
        return self.templates.faults(MOST_VARIABLE, languages)

    def request(self, notice: Notice) -> dict[str, Any] | Refused:
        """The fields of ``SendSmsRequest``."""
        if notice.to is None or not notice.to.number:
            return Refused("the person has no phone number")
        filled = self.templates.fill(notice, self._language)
        if filled is None:
            return Refused(f"no template is registered for {notice.event!r}")
        return {
            "PhoneNumberSet": [notice.to.number],
            "SmsSdkAppId": self._app_id,
            "SignName": filled.sign_name or self._sign_name,
            "TemplateId": filled.code,
            "TemplateParamSet": list(filled.values.values()),
            "SessionContext": notice.key[:_MOST_CONTEXT],
        }

    def judge(self, code: str, message: str, serial: str = "") -> Outcome:
        """What an answer means: the code of the one number, or of the whole request."""
        if code == "Ok":
            return Delivered(200, serial)
        if code.endswith("Error") and code != "InternalError":
            # The SDK's own: the way, a status that is not 200, an answer that is none. Its text holds the address.
            return Retry(f"no answer of the provider: {code}")
        words = self._hidden.shown(f"{code} {message}".strip())
        if not code or (code.partition(".")[0] in _AGAIN and code not in _NEVER):
            return Retry(words)
        return Refused(words)
