"""A gateway without broker and threads of its own pace: tests write its journal, decide, and set its clock."""

from __future__ import annotations

import time
from typing import Any

from gateway.api.services import Answer
from gateway.commands import Commands
from gateway.config import Settings
from gateway.core import Core
from gateway.deliver import Deliver
from gateway.follow import Follower
from gateway.intake import Intake
from gateway.journal.record import Kind, json_body
from gateway.journal.writer import Entry
from gateway.mirror.mirror import Mirror
from gateway.mqtt.options import MqttOptions
from gateway.periods import Periods
from gateway.signing import Signing
from gateway.view import View

_PATIENCE_S = 300.0


class SetClock:
    """A clock that stands where it was set."""

    def __init__(self, now: int) -> None:
        self.now = now

    def now_ms(self) -> int:
        """See ``Clock.now_ms``."""
        return self.now

    def monotonic(self) -> float:
        """See ``Clock.monotonic``."""
        return self.now / 1000

    def wall_seconds(self, seconds: float) -> float:
        """See ``Clock.wall_seconds``."""
        return 0.0


class QuietGateway:
    """A gateway without a broker, on a clock that is set: what comes in is written into its journal."""

    def __init__(self, settings: Settings, start: int) -> None:
        self.clock = SetClock(start)
        self.core = Core(settings, self.clock, lambda _: None, lambda: None, idle_ticks=False)
        self.core.store.open()
        self.follower = Follower(self.core, lambda name, *, on: None)
        core = self.core
        intake = Intake(
            MqttOptions.of(settings), core.journal, self.clock, filters=list, data_dir=core.installation.folder
        )
        key = core.installation.installation_key()
        deliver = Deliver.of(settings, core.engine, core.journal, self.clock, key)
        signing = Signing(core, self.clock, lambda name, *, on: None)
        self.view = View(core, self.follower, intake, deliver, signing, "")
        self._commands = Commands(core.engine, core.journal, core.decider, settings, wait=self.decide)
        self.mirror = Mirror(self.view, core, self.clock)
        self.periods = Periods(core, lambda: self.follower.cursor, self.clock)
        self.follower.start()
        core.start_record()
        core.journal.append(Kind.CAUGHT_UP, json_body({"type": "caught_up"}))
        self.decide()

    def decide(self) -> None:
        """Decide all that is durable."""
        while self.core.decider.decide_available():
            pass

    def take(self, entries: list[Entry], until: int) -> None:
        """Journal what came in up to ``until`` and decide it."""
        entries.append(Entry(Kind.TICK, until, json_body({"type": "tick"})))
        self.clock.now = until
        self.core.journal.append_all(entries)
        self.decide()

    def command(self, name: str, **args: Any) -> Answer:
        """Carry out a command of an operator. Fails where it is refused."""
        answer = self._commands.run(name, args, "test")
        if name == "registry.apply":
            self.view.registry_changed()
        assert answer.status == 200, answer.body
        return answer

    def settle(self) -> None:
        """Wait until the store has all that is decided."""
        deadline = time.monotonic() + _PATIENCE_S
        while self.follower.cursor < self.core.decider.cursor:
            assert self.follower.state == "ok", self.follower.words
            assert time.monotonic() < deadline, "the store does not come along"
            self.core.decider.wait(self.core.decider.cursor + 1, 0.02)

    def close(self) -> None:
        """Stop all threads and let the folder go."""
        self.mirror.stop(10)
        self.periods.stop(10)
        self.follower.stop(60)
        self.core.store.close()
        self.core.close()
