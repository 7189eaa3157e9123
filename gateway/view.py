"""What pages and API see of the running gateway (``gateway.api.services.Services``)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from custody.profile import Profile
from devices.registry import Registry
from gateway import state
from gateway.api.services import Answer, Band, Lag, Latest, RawMessage, Taken
from gateway.clock import Clock
from gateway.commands import Commands
from gateway.config import Settings
from gateway.core import Core
from gateway.deliver import Deliver
from gateway.errors import RecordGoneError
from gateway.follow import Follower
from gateway.histories import Histories, histories_of
from gateway.intake import Intake
from gateway.journal.reader import Reader
from gateway.journal.record import Kind, parse_message
from gateway.pushes import Pushes
from gateway.report import report
from gateway.signing import Signing
from gateway.store.base import TimeSeriesStore


class View:
    """Implements ``Services`` over the parts of a running gateway."""

    def __init__(  # noqa: PLR0917 - the parts of the gateway, put together in one place
        self, core: Core, follower: Follower, intake: Intake, deliver: Deliver, signing: Signing, token: str
    ) -> None:
        self._core = core
        self._signing = signing
        self._follower = follower
        self._intake = intake
        self._deliver = deliver
        self._token = token
        #: Further parts that follow, each with what tells its lag.
        self.followers: dict[str, Callable[[], Lag]] = {}
        self._registry = self._copy()
        self._commands = Commands(core.engine, core.journal, core.decider, core.settings)
        self._pushes = Pushes(core.engine, core.journal, core.decider, core.settings, core.clock)

    @property
    def engine(self) -> sa.Engine:
        """The state."""
        return self._core.engine

    @property
    def store(self) -> TimeSeriesStore:
        """The configured store."""
        return self._core.store

    @property
    def clock(self) -> Clock:
        """The gateway's clock."""
        return self._core.clock

    @property
    def settings(self) -> Settings:
        """The settings."""
        return self._core.settings

    @property
    def runtime_token(self) -> str:
        """The token of ``runtime.json``."""
        return self._token

    @cached_property
    def link_key(self) -> bytes:
        """The installation key."""
        return self._core.installation.installation_key()

    @property
    def packs(self) -> Mapping[str, str]:
        """The texts of the packs in force; decide replaces them as a whole."""
        return self._core.decider.fold.pack_texts

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """The producer profiles in force; decide replaces them as a whole."""
        return self._core.decider.fold.chain.profiles

    def histories(self) -> Histories:
        """Histories of containers as decide knows them now."""
        return histories_of(self.engine, self.registry(), self.profiles)

    def registry(self) -> Registry:
        """The registry as decided, a copy that nobody changes."""
        return self._registry

    def registry_changed(self) -> None:
        """Called in decide's thread after a change of the registry."""
        self._registry = self._copy()

    def latest(self, device: str) -> list[Latest]:
        """Newest reading of each channel."""
        fold = self._core.decider.fold
        since = {
            (alert.point, alert.parameter): alert.since
            for alert in list(fold.alerting.desk.open.values())
            if alert.device == device and alert.on and alert.kind == "limit" and not alert.early_of
        }
        found = []
        for index in fold.series.of(device):
            newest = fold.series.latest(index)
            if newest is not None:
                _, point, parameter = fold.series.name(index)
                heard = fold.heard.get(device, newest.ts)
                begun = since.get((point, parameter))
                found.append(Latest(device, point, parameter, newest.ts, heard, newest.value, newest.flag, begun))
        return found

    def bands(self, device: str) -> list[Band]:
        """Limits of each channel that has any."""
        fold = self._core.decider.fold
        found = []
        for index in fold.series.of(device):
            _, point, parameter = fold.series.name(index)
            subject = self._registry.subject(device, point, parameter, index, self._core.clock.now_ms())
            low, high = fold.evaluation.band(subject)
            if math.isfinite(low) or math.isfinite(high):
                lower, upper = (low if math.isfinite(low) else None), (high if math.isfinite(high) else None)
                found.append(Band(point, parameter, lower, upper, subject.profile))
        return found

    def cover(self) -> None:
        """See ``Services``."""
        self._signing.notary.cover(COVER_S)

    def lags(self) -> dict[str, Lag]:
        """How far each part of the flow has come."""
        core, follower = self._core, self._follower
        durable, decided = core.journal.durable, core.decider.cursor
        lags = {"journal": Lag(durable, 0, "ok")}
        if core.journal.failed is not None:
            lags["journal"] = Lag(durable, 0, "down", f"the disk refused: {core.journal.failed}")
        elif core.journal.blocked:
            lags["journal"] = Lag(durable, 0, "held", "too little free disk space: messages are not acknowledged")
        failed = core.decider.failed
        lags["decide"] = Lag(decided, durable - decided, "ok" if failed is None else "down", str(failed or ""))
        behind = decided - follower.cursor
        lags["store"] = Lag(follower.cursor, behind, _state(follower.state, behind), follower.words)
        waiting = self._waiting()
        lost = core.decider.fold.counters["notifications_dead"]
        words = f"{lost} messages to people were refused or given up" if lost else ""
        lags["deliver"] = Lag(decided, waiting, "ok" if waiting < WAITING_MANY else "behind", words)
        lags["ledger"] = self._signing.lag(decided)
        connected = self._intake.stats.connected
        lags["broker"] = Lag(durable, 0, "ok" if connected else "down", "" if connected else "the broker is away")
        return lags | {name: lag() for name, lag in self.followers.items()}

    def _waiting(self) -> int:
        query = sa.select(sa.func.count()).select_from(state.outbox).where(state.outbox.c.state_now == "waiting")
        with self._core.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def report(self) -> dict[str, int | None]:
        """The counters of DESIGN 4.3."""
        core = self._core
        return report(core.engine, core.decider.fold.counters, core.store.stats(), self.redelivered())

    def redelivered(self) -> int:
        """Messages that the wire brought twice, in this run and before."""
        return self._core.redelivered_before + self._intake.stats.redelivered

    def message(self, offset: int) -> RawMessage | None:
        """The message at ``offset`` while its journal file is kept."""
        if not 0 <= offset <= self._core.journal.durable:
            return None
        reader = Reader(self._core.installation.journal)
        try:
            records = reader.read(offset, end=offset)
        except RecordGoneError:
            return None
        if not records or records[0].kind != Kind.MESSAGE:
            return None
        message = parse_message(records[0].body)
        return RawMessage(offset, records[0].time, message.topic.decode("utf-8", "replace"), message.payload)

    async def command(self, name: str, args: dict[str, Any], by: str) -> Answer:
        """Carry out a command of an operator."""
        return await asyncio.to_thread(self._commands.run, name, args, by)

    async def push(self, device: str, payloads: Sequence[bytes], peer: str, by: str) -> Taken:
        """Take custody events that came over HTTP."""
        return await asyncio.to_thread(self._pushes.take, device, payloads, peer, by)

    def _copy(self) -> Registry:
        registry = Registry(self._core.settings.mqtt.root)
        registry.load(list(self._core.decider.fold.registry.rows()), self._core.decider.fold.registry.version)
        return registry


#: Messages to people that wait before the page calls delivery behind.
WAITING_MANY = 100
#: So long somebody who asks for evidence waits for the signature, at the most.
COVER_S = 10.0


def _state(state: str, behind: int) -> Any:  # noqa: ANN401 - the literal of Lag.state
    if state == "ok" and behind > BEHIND_RECORDS:
        return "behind"
    return state


#: Records that a store may be behind before the page says so.
BEHIND_RECORDS = 10_000
