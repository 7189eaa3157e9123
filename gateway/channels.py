"""The channels that notices go out by: what ``gateway.deliver`` sees of ``alerts.notify``."""

from __future__ import annotations

from typing import Protocol

from alerts.notify import Notice, Outcome, Retry
from alerts.notify.webhook import Webhook
from gateway.config import Settings


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


def channels_of(settings: Settings) -> dict[str, Sender]:
    """The channels that are configured, by the name that rows of the outbox give."""
    url = settings.alerts.webhook.get_secret_value()
    if not url:
        return {}
    # Its client takes a third of a second to load, and most installations begin without a channel.
    from gateway.http_sender import HttpSender  # noqa: PLC0415

    secret = settings.alerts.webhook_secret.get_secret_value()
    return {"webhook": HttpSender(Webhook(url, secret, settings.http.public_url))}
