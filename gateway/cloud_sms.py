"""SMS through the official SDKs of Aliyun and Tencent Cloud: the input and output behind ``alerts.notify``.

The SDKs are optional extras, loaded when the first message goes out. They block, so each channel has threads of its
own: a provider that hangs delays nobody else. They never try again by themselves: delivery does.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from alerts.notify import Notice, Outcome, Refused, Retry
from alerts.notify.aliyun_sms import AliyunSms
from alerts.notify.hidden import discreet
from alerts.notify.tencent_sms import TencentSms
from gateway.errors import ConfigurationError
from gateway.lane import Pace

#: A call that does not keep to its own time-outs is left to end by itself after this much longer.
_GRACE_S = 1.0

_Call = Callable[[dict[str, Any]], Outcome]


class _CloudSender:
    """A ``Sender`` over an SDK. ``_call`` loads it and gives the function that sends one message, both blocking."""

    def __init__(self, kind: AliyunSms | TencentSms, timeout_s: float) -> None:
        self._kind = kind
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(Pace().parallel, type(self).__name__)

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        loop = asyncio.get_running_loop()
        request = await loop.run_in_executor(self._threads, self._kind.request, notice)
        if isinstance(request, Refused):
            return request
        # Loading an SDK takes up to a second, once, which is no time of the provider's.
        call = await loop.run_in_executor(self._threads, lambda: self._call)
        try:
            async with asyncio.timeout(self._timeout_s + _GRACE_S):
                return discreet(await loop.run_in_executor(self._threads, call, request), notice.to)
        except TimeoutError:
            return Retry(f"no answer within {self._timeout_s:g} s")
        except Exception as error:  # noqa: BLE001 - an SDK lets anything out, and its text may hold an address
            return Retry(f"the connection failed: {type(error).__name__}")

    async def close(self) -> None:
        """See ``Sender.close``. The SDKs keep nothing open."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _call(self) -> _Call:
        raise NotImplementedError


class AliyunSender(_CloudSender):
    """Sends by Aliyun. Raises ConfigurationError where the extra ``aliyun`` is not installed."""

    def __init__(self, kind: AliyunSms, *, timeout_s: float = 10.0) -> None:
        _need("alibabacloud_dysmsapi20170525", "aliyun")
        super().__init__(kind, timeout_s)
        self._aliyun = kind

    @cached_property
    def _call(self) -> _Call:
        from alibabacloud_dysmsapi20170525.client import Client  # noqa: PLC0415 - an optional extra
        from alibabacloud_dysmsapi20170525.models import SendSmsRequest  # noqa: PLC0415 - likewise
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException  # noqa: PLC0415 - likewise
        from alibabacloud_tea_openapi.utils_models import Config  # noqa: PLC0415 - likewise
        from darabonba.runtime import RuntimeOptions  # noqa: PLC0415 - likewise

        kind, most_ms = self._aliyun, round(self._timeout_s * 1000)
        protocol, host = _endpoint(kind.endpoint)
        account = {"access_key_id": kind.access_key, "access_key_secret": kind.access_secret}
        client = Client(Config(**account, endpoint=host or None, protocol=protocol, region_id=kind.region))
        options = RuntimeOptions(autoretry=False, connect_timeout=most_ms, read_timeout=most_ms)

        def call(fields: dict[str, Any]) -> Outcome:
            try:
                answer = client.send_sms_with_options(SendSmsRequest(**fields), options)
            except AlibabaCloudException as error:
                return kind.judge(error.code or "", error.message or "", error.status_code)
            body = answer.body
            return kind.judge(body.code or "", body.message or "", answer.status_code, body.biz_id or "")

        return call


class TencentSender(_CloudSender):
    """Sends by Tencent Cloud. Raises ConfigurationError where the extra ``tencent`` is not installed."""

    def __init__(self, kind: TencentSms, *, timeout_s: float = 10.0) -> None:
        _need("tencentcloud", "tencent")
        super().__init__(kind, timeout_s)
        self._tencent = kind

    @cached_property
    def _call(self) -> _Call:
        from tencentcloud.common.credential import Credential  # noqa: PLC0415 - an optional extra
        from tencentcloud.common.exception import TencentCloudSDKException  # noqa: PLC0415 - likewise
        from tencentcloud.common.profile.client_profile import ClientProfile  # noqa: PLC0415 - likewise
        from tencentcloud.common.profile.http_profile import HttpProfile  # noqa: PLC0415 - likewise
        from tencentcloud.sms.v20210111.models import SendSmsRequest  # noqa: PLC0415 - likewise
        from tencentcloud.sms.v20210111.sms_client import SmsClient  # noqa: PLC0415 - likewise

        kind = self._tencent
        protocol, host = _endpoint(kind.endpoint)
        http = HttpProfile(protocol=protocol.lower(), endpoint=host or None, reqTimeout=self._timeout_s)
        account, profile = Credential(kind.secret_id, kind.secret_key), ClientProfile(httpProfile=http)

        def call(fields: dict[str, Any]) -> Outcome:
            request = SendSmsRequest()
            for name, value in fields.items():
                setattr(request, name, value)
            try:
                # A client a call: it keeps a session that threads must not share.
                statuses = SmsClient(account, kind.region, profile).SendSms(request).SendStatusSet or []
            except TencentCloudSDKException as error:
                return kind.judge(error.code or "", error.message or "")
            if not statuses:
                return Retry("the provider's answer names no message")
            return kind.judge(statuses[0].Code or "", statuses[0].Message or "", statuses[0].SerialNo or "")

        return call


def _endpoint(written: str) -> tuple[str, str]:
    """Protocol and host of ``host``, ``https://host`` or ``http://host``; an empty host where it is the usual one."""
    parts = urlsplit(written if "//" in written else f"https://{written}")
    return parts.scheme.upper(), parts.netloc


def _need(module: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise ConfigurationError([f"the SDK of this channel is not installed: pip install hygeia-gateway[{extra}]"])
