"""The channels of ``[alerts.channels.NAME]``: one class a kind, one field a key.

A channel whose ``need()`` is not empty tells one person at that address; the others have one receiver for all.
``link``: an acknowledge link may stand in the message. ``usual_limits`` and ``usual_batch`` hold where the file says
nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import AfterValidator, Field, SecretStr, StringConstraints
from pydantic.fields import FieldInfo

from gateway.config.keys import SecretWebUrl, Section, setting
from gateway.config.values import SPLIT

Need = Literal["", "phone", "email"]
Limit = tuple[Annotated[int, Field(ge=1, le=100_000)], Annotated[int, Field(ge=1, le=31_622_400)]]
Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_URL = "http://host/path or https://host/path"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")


def _address(text: str) -> str:
    name, _, host = text.rpartition("@")
    if not name or not host or not text.isprintable() or set(text) & set(" <>,;"):
        raise ValueError("not an e-mail address")
    return text


def _header_names(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    if not all(_TOKEN.fullmatch(name) and value.get_secret_value().isprintable() for name, value in headers.items()):
        raise ValueError("not headers of HTTP")
    return headers


def _set(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value():
        raise ValueError("it is empty")
    return secret


def _pin(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"([0-9]{4,8})?", secret.get_secret_value()):
        raise ValueError("not a PIN")
    return secret


# What a kind itself checks is loaded only where one is configured.


def _templates(written: dict[str, Any]) -> dict[str, Any]:
    from alerts.notify.templates import Templates  # noqa: PLC0415 - see above

    Templates(written)
    return written


def _condition(written: str | dict[str, Any]) -> str | dict[str, Any]:
    from alerts.notify.answers import condition_of  # noqa: PLC0415 - see above

    condition_of(written)
    return written


def _finder(written: str) -> str:
    from alerts.notify.answers import finder_of  # noqa: PLC0415 - see above

    finder_of(written)
    return written


Templates = Annotated[dict[str, Any], AfterValidator(_templates)]
Condition = Annotated[str | dict[str, Any], AfterValidator(_condition)]
Finder = Annotated[str, AfterValidator(_finder)]
ContentType = Literal[
    "application/x-www-form-urlencoded", "application/json", "application/xml", "text/xml", "text/plain"
]
GivenSecret = Annotated[SecretStr, AfterValidator(_set)]
GivenUrl = Annotated[SecretWebUrl, AfterValidator(_set)]
Address = Annotated[str, AfterValidator(_address)]


class ChannelKind(Section):
    """What all kinds have in common."""

    link: ClassVar[bool] = True
    usual_limits: ClassVar[tuple[Limit, ...]] = ()
    usual_batch: ClassVar[bool] = True

    language: Literal["zh", "en"] = setting(
        "zh", "Language of messages to receivers whose own is not known.", "zh or en"
    )
    limits: tuple[Limit, ...] | None = setting(
        None,
        "How many messages go out in how many seconds at most, to one person or, where the channel has one receiver, "
        "by it. What is over waits or becomes a digest.",
        "a list of [messages, seconds]; [] = no limit",
    )
    batch: bool | None = setting(None, "Whether several alerts may stand in one message (a digest).", "true or false")

    def need(self) -> Need:
        """Which address of a person it needs; empty where it has one receiver for all."""
        return ""

    def allowance(self) -> tuple[Limit, ...]:
        """The limits in force."""
        return self.usual_limits if self.limits is None else self.limits


class WebhookChannel(ChannelKind):
    """A receiver of the documents of docs/webhook.md."""

    usual_batch: ClassVar[bool] = False

    kind: Literal["webhook"]
    url: GivenUrl = setting(..., "Address that is posted to.", _URL)
    secret: SecretStr = setting(SecretStr(""), "Key of the signature.", "any text")


class DingTalk(ChannelKind):
    """A custom robot of a DingTalk group (20 messages a minute)."""

    usual_limits: ClassVar[tuple[Limit, ...]] = ((20, 60),)

    kind: Literal["dingtalk"]
    url: GivenUrl = setting(..., "Address of the robot, with its access_token.", _URL)
    secret: SecretStr = setting(SecretStr(""), "Key of the signature (加签), SEC…", "any text")


class WeCom(ChannelKind):
    """A robot of a WeCom group (20 messages a minute)."""

    usual_limits: ClassVar[tuple[Limit, ...]] = ((20, 60),)

    kind: Literal["wecom"]
    url: GivenUrl = setting(..., "Address of the robot, with its key.", _URL)


class Feishu(ChannelKind):
    """A custom robot of a Feishu group (100 messages a minute, 5 a second)."""

    usual_limits: ClassVar[tuple[Limit, ...]] = ((5, 1), (100, 60))

    kind: Literal["feishu"]
    url: GivenUrl = setting(..., "Address of the robot.", _URL)
    secret: SecretStr = setting(SecretStr(""), "Key of the signature (签名校验).", "any text")


class HttpFormChannel(ChannelKind):
    """Any SMS platform that takes an HTTP request, as those of governments do."""

    link: ClassVar[bool] = False

    kind: Literal["http-form"]
    method: Literal["GET", "POST", "PUT"] = setting("POST", "Method of the request.", "GET, POST or PUT")
    url: GivenUrl = setting(..., "Address, may hold {placeholders}.", _URL)
    headers: Annotated[dict[str, SecretStr], AfterValidator(_header_names)] = setting(
        {}, "Headers, may hold {placeholders}.", "a table of names and values"
    )
    body: SecretStr = setting(SecretStr(""), "Body, may hold {placeholders}.", "any text")
    content_type: ContentType = setting(
        "application/x-www-form-urlencoded",
        "Content-Type; it decides how values are escaped.",
        "application/x-www-form-urlencoded, application/json, application/xml, text/xml or text/plain",
    )
    charset: Literal["utf-8", "gbk", "gb18030"] = setting(
        "utf-8", "Characters of address and body.", "utf-8, gbk, gb18030"
    )
    success: Condition = setting("status < 300", "Expression that says that it was taken.", "see docs/channels.md")
    retry: Condition = setting("", "Expression that says that it is to be tried again.", "see docs/channels.md")
    id: Finder = setting("", "Where the answer holds the provider's id of the message.", "see docs/channels.md")

    def need(self) -> Need:
        """See ``ChannelKind.need``."""
        parts = (self.url, self.body, *self.headers.values())
        return "phone" if any("{phone}" in one.get_secret_value() for one in parts) else ""


class AliyunSmsChannel(ChannelKind):
    """SMS by Aliyun, from registered templates (50 a day to one number)."""

    link: ClassVar[bool] = False
    usual_limits: ClassVar[tuple[Limit, ...]] = ((50, 86_400),)

    kind: Literal["aliyun-sms"]
    access_key: GivenSecret = setting(..., "AccessKey ID.", "any text")
    access_secret: GivenSecret = setting(..., "AccessKey secret.", "any text")
    sign_name: Text = setting(..., "Registered signature (签名).", "1 to 200 characters")
    templates: Templates = setting(..., "Registered templates.", "see docs/channels.md")
    endpoint: str = setting("", "Address of the service where it is not the public one.", "empty or a host name")
    region: Text = setting("cn-hangzhou", "Region.", "a region of the provider")

    def need(self) -> Need:
        """See ``ChannelKind.need``."""
        return "phone"


class TencentSmsChannel(ChannelKind):
    """SMS by Tencent Cloud, from registered templates (1 in 30 s, 10 a day to one number)."""

    link: ClassVar[bool] = False
    usual_limits: ClassVar[tuple[Limit, ...]] = ((1, 30), (10, 86_400))

    kind: Literal["tencent-sms"]
    secret_id: GivenSecret = setting(..., "SecretId.", "any text")
    secret_key: GivenSecret = setting(..., "SecretKey.", "any text")
    app_id: Text = setting(..., "SmsSdkAppId of the application.", "1 to 200 characters")
    sign_name: Text = setting(..., "Registered signature (签名).", "1 to 200 characters")
    templates: Templates = setting(..., "Registered templates.", "see docs/channels.md")
    endpoint: str = setting("", "Address of the service where it is not the public one.", "empty or a host name")
    region: Text = setting("ap-guangzhou", "Region.", "a region of the provider")

    def need(self) -> Need:
        """See ``ChannelKind.need``."""
        return "phone"


class EmailChannel(ChannelKind):
    """E-mail by an SMTP server."""

    usual_limits: ClassVar[tuple[Limit, ...]] = ((60, 3600),)

    kind: Literal["email"]
    host: Text = setting(..., "SMTP server.", "a host name or address")
    port: int = setting(0, "Port; 0 = 465 with tls, 587 with starttls, else 25.", "0 to 65535", ge=0, le=65535)
    security: Literal["tls", "starttls", "none"] = setting(
        "starttls",
        "`tls` from the first byte, `starttls`, or `none` (a relay of one's own network).",
        "tls, starttls, none",
    )
    username: str = setting("", "Name for the server.", "any text; empty = no login")
    password: SecretStr = setting(SecretStr(""), "Password for the server.", "any text")
    sender: Address = setting(..., "Address that messages come from.", "an e-mail address")
    to: Annotated[tuple[Address, ...], SPLIT] = setting(
        (), "Addresses that every message goes to; without any the person's own.", "a list of e-mail addresses"
    )
    ca: Path | None = setting(None, "PEM file with the authority that signed the server's certificate.", "a PEM file")

    def need(self) -> Need:
        """See ``ChannelKind.need``."""
        return "" if self.to else "email"


class ModemChannel(ChannelKind):
    """SMS by a GSM modem on a serial line."""

    link: ClassVar[bool] = False
    usual_limits: ClassVar[tuple[Limit, ...]] = ((60, 3600),)

    kind: Literal["modem"]
    device: Path = setting(..., "The serial line.", "a device, such as /dev/ttyUSB0")
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600] = setting(
        115200, "Its speed.", "9600, 19200, 38400, 57600, 115200, 230400, 460800 or 921600"
    )
    pin: Annotated[SecretStr, AfterValidator(_pin)] = setting(
        SecretStr(""), "PIN of the SIM card, where it asks for one.", "4 to 8 digits"
    )
    smsc: Annotated[str, StringConstraints(pattern=r"^(\+?[0-9]{3,20})?$")] = setting(
        "", "Number of the message centre, where the SIM card does not know it.", "empty or a number"
    )

    def need(self) -> Need:
        """See ``ChannelKind.need``."""
        return "phone"


class AppriseChannel(ChannelKind):
    """Whatever apprise knows (Telegram, Slack, Teams, ntfy, Bark, ServerChan, …)."""

    usual_limits: ClassVar[tuple[Limit, ...]] = ((20, 60),)

    kind: Literal["apprise"]
    url: GivenSecret = setting(..., "Address in apprise's form.", "an address that apprise knows")


Channel = Annotated[
    WebhookChannel
    | DingTalk
    | WeCom
    | Feishu
    | HttpFormChannel
    | AliyunSmsChannel
    | TencentSmsChannel
    | EmailChannel
    | ModemChannel
    | AppriseChannel,
    Field(discriminator="kind"),
]

#: The classes by their kind, in the order of the documentation.
KINDS: dict[str, type[ChannelKind]] = {
    get_args(one.model_fields["kind"].annotation)[0]: one for one in get_args(get_args(Channel)[0])
}
FIELDS: dict[str, dict[str, FieldInfo]] = {kind: dict(one.model_fields) for kind, one in KINDS.items()}


def _is_secret(info: FieldInfo) -> bool:
    return "SecretStr" in str(info.annotation)


#: Keys that are never shown, and whose value may stand in a file of its own (tables but for that).
SECRETS = frozenset(name for fields in FIELDS.values() for name, info in fields.items() if _is_secret(info))
FILED = SECRETS - {"headers"}
PATHS = frozenset({"ca", "device"})
