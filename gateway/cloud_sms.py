"""SMS through the official SDKs of Aliyun and Tencent Cloud: the input and output behind ``alerts.notify``.

The SDKs are optional extras and block, so each call runs in a thread. They never try again by themselves: delivery
does.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from alerts.notify import Notice, Outcome, Refused, Retry
from alerts.notify.aliyun_sms import AliyunSms
from alerts.notify.hidden import discreet
from alerts.notify.tencent_sms import TencentSms
from gateway.errors import ConfigurationError

#: A call that does not keep to its own time-outs is left to end by itself after this much longer.
_GRACE_S = 1.0


class AliyunSender:
    """Sends by Aliyun. Raises ConfigurationError where the extra ``aliyun`` is not installed."""

    def __init__(self, kind: AliyunSms, *, timeout_s: float = 10.0) -> None:
        _need("alibabacloud_dysmsapi20170525", "aliyun")
        self._kind = kind
        self._timeout_s = timeout_s

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        return discreet(await _in_thread(lambda: self._try(notice), self._timeout_s), notice.to)

    async def close(self) -> None:
        """See ``Sender.close``: the SDK keeps nothing open."""

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - the SDK has no types
        from alibabacloud_dysmsapi20170525.client import Client  # noqa: PLC0415 - an optional extra
        from alibabacloud_tea_openapi.utils_models import Config  # noqa: PLC0415 - an optional extra

        protocol, host = _endpoint(self._kind.endpoint)
        return Client(
            Config(
                access_key_id=self._kind.access_key,
                access_key_secret=self._kind.access_secret,
                endpoint=host or None,
                protocol=protocol,
                region_id=self._kind.region,
            )
        )

    def _try(self, notice: Notice) -> Outcome:
        request = self._kind.request(notice)
        return request if isinstance(request, Refused) else self._call(request)

    def _call(self, fields: dict[str, str]) -> Outcome:
        from alibabacloud_dysmsapi20170525.models import SendSmsRequest  # noqa: PLC0415 - an optional extra
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException  # noqa: PLC0415 - an optional extra
        from darabonba.runtime import RuntimeOptions  # noqa: PLC0415 - an optional extra

        milliseconds = round(self._timeout_s * 1000)
        options = RuntimeOptions(autoretry=False, connect_timeout=milliseconds, read_timeout=milliseconds)
        try:
            answer = self._client.send_sms_with_options(SendSmsRequest(**fields), options)
        except AlibabaCloudException as error:
            return self._kind.judge(error.code or "", error.message or "", error.status_code)
        body = answer.body
        return self._kind.judge(body.code or "", body.message or "", answer.status_code, body.biz_id or "")


class TencentSender:
    """Sends by Tencent Cloud. Raises ConfigurationError where the extra ``tencent`` is not installed."""

    def __init__(self, kind: TencentSms, *, timeout_s: float = 10.0) -> None:
        _need("tencentcloud", "tencent")
        self._kind = kind
        self._timeout_s = timeout_s

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        return discreet(await _in_thread(lambda: self._try(notice), self._timeout_s), notice.to)

    async def close(self) -> None:
        """See ``Sender.close``: the SDK keeps nothing open."""

    def _client(self) -> Any:  # noqa: ANN401 - the SDK has no types
        # One a call: a client keeps a session of ``requests``, which threads must not share.
        from tencentcloud.common.credential import Credential  # noqa: PLC0415 - an optional extra
        from tencentcloud.common.profile.client_profile import ClientProfile  # noqa: PLC0415 - an optional extra
        from tencentcloud.common.profile.http_profile import HttpProfile  # noqa: PLC0415 - an optional extra
        from tencentcloud.sms.v20210111.sms_client import SmsClient  # noqa: PLC0415 - an optional extra

        protocol, host = _endpoint(self._kind.endpoint)
        profile = HttpProfile(protocol=protocol.lower(), endpoint=host or None, reqTimeout=self._timeout_s)
        credential = Credential(self._kind.secret_id, self._kind.secret_key)
        return SmsClient(credential, self._kind.region, ClientProfile(httpProfile=profile))

    def _try(self, notice: Notice) -> Outcome:
        request = self._kind.request(notice)
        return request if isinstance(request, Refused) else self._call(request)

    def _call(self, fields: dict[str, Any]) -> Outcome:
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import (  # noqa: PLC0415 - an optional extra
            TencentCloudSDKException,
        )
        from tencentcloud.sms.v20210111.models import SendSmsRequest  # noqa: PLC0415 - an optional extra

        request = SendSmsRequest()
        for name, value in fields.items():
            setattr(request, name, value)
        try:
            statuses = self._client().SendSms(request).SendStatusSet or []
        except TencentCloudSDKException as error:
            return self._kind.judge(error.code or "", error.message or "")
        if not statuses:
            return Retry("the provider's answer names no message")
        return self._kind.judge(statuses[0].Code or "", statuses[0].Message or "", statuses[0].SerialNo or "")


async def _in_thread(call: Callable[[], Outcome], timeout_s: float) -> Outcome:
    """Run one blocking call. Whatever else it raises is a fault on the way, said by its kind only."""
    with suppress(TimeoutError):
        try:
            return await asyncio.wait_for(asyncio.to_thread(call), timeout_s + _GRACE_S)
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001 - an SDK lets anything out, and its text may hold an address
            return Retry(f"the connection failed: {type(error).__name__}")
    return Retry(f"no answer within {timeout_s:g} s")


def _endpoint(written: str) -> tuple[str, str]:
    """Protocol and host of ``host``, ``https://host`` or ``http://host``; an empty host where it is the usual one."""
    parts = urlsplit(written if "//" in written else f"https://{written}")
    return parts.scheme.upper(), parts.netloc


def _need(module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise ConfigurationError([f"the SDK of this channel is not installed: pip install hygeia-gateway[{extra}]"])
