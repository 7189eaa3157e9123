"""The channels that notices go out by: what ``gateway.deliver`` sees of ``alerts.notify``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from alerts.notify import Notice, Outcome, Retry
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


class ChannelInfo(msgspec.Struct, frozen=True):
    """What routing knows of a channel.

    ``personal``: it needs a person's address. ``limits``: at most so many messages in so many seconds, to a person or,
    where it is not personal, by the channel. ``batch``: several alerts may stand in one message.
    """

    name: str
    kind: str
    personal: bool
    limits: list[tuple[int, int]]
    language: str
    batch: bool


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
    url = settings.http.public_url
    return {name: _MAKERS[type(one)](one, url) for name, one in configured(settings).items()}


# What a kind needs is loaded where one is configured: most installations begin without a channel.


def _webhook(one: kinds.WebhookChannel, public_url: str) -> Sender:
    from alerts.notify.webhook import Webhook  # noqa: PLC0415 - see above
    from gateway.http_sender import HttpSender  # noqa: PLC0415 - see above

    return HttpSender(Webhook(_plain(one.url), _plain(one.secret), public_url))


_MAKERS: Mapping[type[ChannelKind], Callable[[Any, str], Sender]] = {kinds.WebhookChannel: _webhook}


def _plain(secret: Any) -> str:  # noqa: ANN401 - a SecretStr
    return str(secret.get_secret_value())
