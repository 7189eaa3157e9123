"""All that pages and API may ask of the gateway. ``gateway.app`` implements it; tests have an implementation in memory.

Every method may be called from any thread and returns at once, except ``command``, ``push``, ``message``,
``link_key`` and the store's ``read``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec
import sqlalchemy as sa

from custody.profile import Profile
from devices.registry import Registry
from gateway.clock import Clock
from gateway.config import Settings
from gateway.histories import Histories
from gateway.store.base import StoredReading


class Latest(msgspec.Struct, frozen=True):
    """The newest reading of a channel as decide knows it; times are ms since 1970 UTC.

    ``since`` is the device time since which it is outside its limits without a break, None where it is not.
    """

    device: str
    point: str
    parameter: str
    ts: int
    received_at: int
    value: float
    flag: str
    since: int | None = None


class Band(msgspec.Struct, frozen=True):
    """The limits in force for a channel, inclusive; None = no limit on that side.

    ``source`` says where they come from, for a person (``gb5749-2022``).
    """

    point: str
    parameter: str
    low: float | None
    high: float | None
    source: str


class Lag(msgspec.Struct, frozen=True):
    """How far a part of the flow has come: ``cursor`` is its last offset, ``behind`` counts records it has not reached.

    ``held``: a person must act; ``down``: it has stopped or cannot be reached. ``words`` says why, without secrets.
    """

    cursor: int
    behind: int
    state: Literal["ok", "behind", "held", "down"]
    words: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What became of a command: 200 done, 409 or 422 refused with ``body["reason"]``, 202 not decided within 5 s.

    ``offset`` is its journal record, None where it was refused before it was written.
    """

    status: int
    body: dict[str, Any]
    offset: int | None


class Taken(msgspec.Struct, frozen=True):
    """What became of events that a terminal handed in over HTTP.

    ``replies`` are what ``down/reply`` says of each (``id, code, reason, object, flags``); ``code`` is None where it
    is durable and not decided yet. ``refused`` says in one line why nothing was taken; then there are no replies.
    """

    replies: list[dict[str, Any]]
    refused: str = ""


class RawMessage(msgspec.Struct, frozen=True):
    """A message as the journal holds it."""

    offset: int
    received_at: int
    topic: str
    payload: bytes


class Readings(Protocol):
    """The reading half of ``gateway.store.base.TimeSeriesStore``."""

    def read(
        self,
        *,
        device: str,
        point: str | None,
        parameter: str | None,
        start: int,
        end: int,
        limit: int,
        after: int = -1,
    ) -> list[StoredReading]:
        """See ``TimeSeriesStore.read``."""
        ...


class Services(Protocol):
    """See the module's docstring."""

    @property
    def engine(self) -> sa.Engine:
        """The state (``gateway.state``). The API only reads, but for ``accounts`` and ``tokens``, which are its own."""
        ...

    @property
    def store(self) -> Readings:
        """The configured store."""
        ...

    @property
    def clock(self) -> Clock:
        """The gateway's clock, simulated in a fast demo: what ``ts`` and ``received_at`` are compared with."""
        ...

    @property
    def settings(self) -> Settings:
        """The settings of this installation."""
        ...

    @property
    def runtime_token(self) -> str:
        """The token of ``runtime.json``: whoever may read that file is an administrator. Empty = none."""
        ...

    @property
    def link_key(self) -> bytes:
        """The installation key, for ``gateway.links``. May read the disk."""
        ...

    @property
    def packs(self) -> Mapping[str, str]:
        """The texts of the rule packs in force, by id."""
        ...

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """The producer profiles of custody in force, by id."""
        ...

    def histories(self) -> Histories:
        """Histories of containers as decide knows them now; what it gives reads the state: not in the event loop."""
        ...

    def registry(self) -> Registry:
        """The registry as decided so far. It is not changed while the API reads: a change makes another object."""
        ...

    def latest(self, device: str) -> list[Latest]:
        """The newest reading of each channel of a device, none where it never sent."""
        ...

    def bands(self, device: str) -> list[Band]:
        """The limits of each channel of a device that has any."""
        ...

    def cover(self) -> None:
        """Have the ledger's head over all that is committed signed; waits for it, a while. Not in the event loop."""
        ...

    def lags(self) -> dict[str, Lag]:
        """``journal``, ``decide``, ``store``, ``deliver`` and what else follows the journal, in flow order."""
        ...

    def report(self) -> dict[str, int | None]:
        """The counters of DESIGN 4.3; None for what only a demo knows."""
        ...

    def message(self, offset: int) -> RawMessage | None:
        """The message at ``offset`` while its journal file is kept; None for anything else. May read the disk."""
        ...

    async def command(self, name: str, args: dict[str, Any], by: str) -> Answer:
        """Write the command to the journal and wait up to 5 s until it is decided; ``by`` is the account's name."""
        ...

    async def push(self, device: str, payloads: Sequence[bytes], peer: str, by: str) -> Taken:
        """Take custody events of ``device`` into the journal and wait up to 5 s until they are decided."""
        ...
