"""The channels that notices go out by: what ``gateway.deliver`` sees of ``alerts.notify``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from pydantic import SecretStr

from alerts.notify import Notice, Outcome, Retry
from alerts.route import ChannelInfo
from gateway.config import Settings
from gateway.config import channels as kinds
from gateway.config.channels import ChannelKind, Limit, Need

#: The channel of ``alerts.webhook``.
WEBHOOK = "webhook"


class Sender(Protocol):
    """One channel. ``send`` may be called many times at once, in the event loop."""

    async def send(self, notice: Notice) -> Outcome:
        """Try once, within the channel's own time-out; never raises for anything that the other side does."""
        ...

    async def close(self) -> None:
        """Let connections go; ``send`` is not called any more."""
        ...


class MissingChannel:
    """Stands for channels that notices wait for and that the configuration does not have (any more)."""

    async def send(self, notice: Notice) -> Outcome:  # noqa: ARG002 - the interface of a sender
        """See ``Sender.send``."""
        return Retry("the configuration has no such channel")

    async def close(self) -> None:
        """See ``Sender.close``."""


class Traits(NamedTuple):
    """What delivery knows of a channel besides its sender.

    ``needs``: which address of a person. ``link``: whether an acknowledge link may go out by it. ``limits``: at most so
    many messages in so many seconds. ``language``: of people whose own is not known.
    """

    needs: Need = ""
    link: bool = True
    limits: tuple[Limit, ...] = ()
    language: str = "zh"


def configured(settings: Settings) -> dict[str, ChannelKind]:
    """Every channel of the configuration by name, that of ``alerts.webhook`` first."""
    found: dict[str, ChannelKind] = {}
    if settings.alerts.webhook.get_secret_value():
        found[WEBHOOK] = kinds.WebhookChannel(
            kind="webhook", url=settings.alerts.webhook, secret=settings.alerts.webhook_secret
        )
    return found | settings.alerts.channels


def channel_infos(settings: Settings) -> list[ChannelInfo]:
    """What routing knows of the channels; never their addresses or secrets."""
    return [
        ChannelInfo(
            name=name,
            kind=str(one.kind),  # type: ignore[attr-defined]  # each class of the union has its own
            personal=bool(one.need()),
            limits=list(one.allowance()),
            language=one.language,
            batch=one.usual_batch if one.batch is None else one.batch,
        )
        for name, one in configured(settings).items()
    ]


def traits_of(settings: Settings) -> dict[str, Traits]:
    """What delivery knows of the channels. A personal channel's limits are each person's, which routing keeps."""
    return {
        name: Traits(one.need(), one.link, () if one.need() else one.allowance(), one.language)
        for name, one in configured(settings).items()
    }


def channels_of(settings: Settings) -> dict[str, Sender]:
    """The channels that are configured, by the name that rows of the outbox give."""
    return {name: _sender(one, settings) for name, one in configured(settings).items()}


def channel_of(settings: Settings, name: str) -> tuple[Sender, Traits] | None:
    """One channel alone; None where none has this name."""
    one = configured(settings).get(name)
    return None if one is None else (_sender(one, settings), traits_of(settings)[name])


def _sender(one: ChannelKind, settings: Settings) -> Sender:
    return _MAKERS[type(one)](one, settings.http.public_url)


# What a kind needs is loaded where one is configured: most installations begin without a channel.


def _webhook(one: kinds.WebhookChannel, public_url: str) -> Sender:
    from alerts.notify.webhook import Webhook  # noqa: PLC0415 - see above
    from gateway.http_sender import HttpSender  # noqa: PLC0415 - see above

    return HttpSender(Webhook(_plain(one.url), _plain(one.secret), public_url))


def _robot(one: kinds.DingTalk | kinds.WeCom | kinds.Feishu, _: str) -> Sender:
    from alerts.notify.robots import Robot  # noqa: PLC0415 - see above
    from gateway.http_sender import HttpSender  # noqa: PLC0415 - see above

    secret = "" if isinstance(one, kinds.WeCom) else _plain(one.secret)
    return HttpSender(Robot(kind=one.kind, url=_plain(one.url), secret=secret, language=one.language))


def _http_form(one: kinds.HttpFormChannel, _: str) -> Sender:
    from alerts.notify.http_form import HttpForm  # noqa: PLC0415 - see above
    from gateway.http_sender import HttpSender  # noqa: PLC0415 - see above

    form = HttpForm(
        method=one.method,
        url=_plain(one.url),
        headers={name: _plain(value) for name, value in one.headers.items()},
        body=_plain(one.body),
        content_type=one.content_type,
        charset=one.charset,
        success=one.success,
        retry=one.retry,
        id=one.id,
        language=one.language,
    )
    return HttpSender(form)


def _aliyun(one: kinds.AliyunSmsChannel, _: str) -> Sender:
    from alerts.notify.aliyun_sms import AliyunSms  # noqa: PLC0415 - see above
    from gateway.cloud_sms import AliyunSender  # noqa: PLC0415 - see above

    sms = AliyunSms(
        access_key=_plain(one.access_key),
        access_secret=_plain(one.access_secret),
        sign_name=one.sign_name,
        templates=one.templates,
        endpoint=one.endpoint,
        region=one.region,
        language=one.language,
    )
    return AliyunSender(sms)


def _tencent(one: kinds.TencentSmsChannel, _: str) -> Sender:
    from alerts.notify.tencent_sms import TencentSms  # noqa: PLC0415 - see above
    from gateway.cloud_sms import TencentSender  # noqa: PLC0415 - see above

    sms = TencentSms(
        secret_id=_plain(one.secret_id),
        secret_key=_plain(one.secret_key),
        app_id=one.app_id,
        sign_name=one.sign_name,
        templates=one.templates,
        endpoint=one.endpoint,
        region=one.region,
        language=one.language,
    )
    return TencentSender(sms)


def _email(one: kinds.EmailChannel, _: str) -> Sender:
    from alerts.notify.email import Mail  # noqa: PLC0415 - see above
    from gateway.email_sender import EmailSender  # noqa: PLC0415 - see above

    return EmailSender(
        Mail(sender=one.sender, language=one.language),
        host=one.host,
        sender=one.sender,
        port=one.port,
        security=one.security,
        username=one.username,
        password=_plain(one.password),
        to=one.to,
        ca=one.ca,
    )


def _modem(one: kinds.ModemChannel, _: str) -> Sender:
    from alerts.notify.modem import Modem  # noqa: PLC0415 - see above
    from gateway.modem_sender import ModemSender  # noqa: PLC0415 - see above

    modem = Modem(pin=_plain(one.pin), smsc=one.smsc, language=one.language)
    return ModemSender(modem, device=one.device, baud=one.baud)


def _apprise(one: kinds.AppriseChannel, _: str) -> Sender:
    from gateway.apprise_sender import AppriseSender  # noqa: PLC0415 - see above

    return AppriseSender(_plain(one.url), one.language)


#: How the sender of each kind is made, from its settings and the address of the pages.
_MAKERS: Mapping[type[ChannelKind], Callable[[Any, str], Sender]] = {
    kinds.WebhookChannel: _webhook,
    kinds.DingTalk: _robot,
    kinds.WeCom: _robot,
    kinds.Feishu: _robot,
    kinds.HttpFormChannel: _http_form,
    kinds.AliyunSmsChannel: _aliyun,
    kinds.TencentSmsChannel: _tencent,
    kinds.EmailChannel: _email,
    kinds.ModemChannel: _modem,
    kinds.AppriseChannel: _apprise,
}


def _plain(secret: SecretStr) -> str:
    return secret.get_secret_value()
