"""An installation whose gateway does not run: take the lock, append a command, decide to the end (DESIGN 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from custody.profile import Profile
from devices.registry import Registry
from gateway.api.services import Answer, Taken
from gateway.clock import SystemClock
from gateway.commands import Commands
from gateway.config import Settings
from gateway.core import Core
from gateway.pushes import Pushes
from gateway.report import report


class Offline:
    """Works in the data folder while no gateway does; a context manager that holds the lock meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self._core = Core(settings, SystemClock(), lambda _: None, lambda: None, idle_ticks=False, lock_patience_s=0.0)
        if not self._core.decider.fold.pack_texts:
            self._core.start_record()
        self._decide()
        self._commands = Commands(
            self._core.engine, self._core.journal, self._core.decider, settings, wait=self._decide
        )

    @property
    def engine(self) -> sa.Engine:
        """The state."""
        return self._core.engine

    @property
    def registry(self) -> Registry:
        """The registry as decided."""
        return self._core.decider.fold.registry

    @property
    def packs(self) -> dict[str, str]:
        """The texts of the packs in force, by id."""
        return self._core.decider.fold.pack_texts

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """The producer profiles in force, by id."""
        return self._core.decider.fold.chain.profiles

    def command(self, name: str, args: dict[str, Any], by: str) -> Answer:
        """Carry out one command; see ``Commands.run``."""
        return self._commands.run(name, args, by)

    def push(self, device: str, payloads: Sequence[bytes], peer: str, by: str) -> Taken:
        """Take custody events of a terminal; see ``Pushes.take``."""
        core = self._core
        pushes = Pushes(core.engine, core.journal, core.decider, core.settings, core.clock, self._decide)
        return pushes.take(device, payloads, peer, by)

    def report(self) -> dict[str, int | None]:
        """The counters of DESIGN 4.3."""
        self._core.store.open()
        try:
            return report(
                self._core.engine,
                self._core.decider.fold.counters,
                self._core.store.stats(),
                self._core.redelivered_before,
            )
        finally:
            self._core.store.close()

    def close(self) -> None:
        """Save what was folded and let the folder go."""
        self._core.decider.save()
        self._core.close()

    def _decide(self) -> None:
        while self._core.decider.decide_available():
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
