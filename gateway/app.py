"""The wiring: the way of a message, entrance to exit, on one screen.

    broker -> intake -> journal -> decide -> store --> charts
                                     +-----> deliver
                                     +-----> replies, pages

Started from the exit, stopped from the entrance.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Coroutine
from typing import Any

import structlog

from gateway.api.app import build_app
from gateway.api.server import Server
from gateway.charts import Charts
from gateway.clock import Clock, SystemClock
from gateway.config import Settings
from gateway.core import Core, retention_floor
from gateway.decide.outputs import Outputs
from gateway.deliver import Deliver
from gateway.follow import Follower
from gateway.heartbeat import Heartbeat, Progress
from gateway.installation import Runtime
from gateway.intake import Intake
from gateway.journal.record import Kind, json_body
from gateway.journal.writer import Entry
from gateway.mqtt.options import MqttOptions
from gateway.report import keep_redelivered
from gateway.signing import Signing
from gateway.view import View

log = structlog.get_logger(__name__)

#: Seconds that each part may take to stop.
STOP_S = 10.0
RETENTION_S = 600.0
#: What the intake tells that an operator should see.
TROUBLE = {"unreachable", "refused", "session_lost", "subscription_refused", "marker_refused", "note_not_saved"}


class Gateway:
    """One running gateway. ``start`` raises StartError; ``failed`` is set when a part has stopped for good."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.failed = asyncio.Event()
        self.address = ""
        self._loop = asyncio.get_running_loop()
        self._stops = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Open everything, exit first; when this returns messages flow and pages are served."""
        try:
            await self._start()
        except BaseException:
            await self._stops.aclose()
            raise

    async def stop(self) -> None:
        """Stop in flow order: take nothing more, decide and store what came, tell who must be told, save."""
        await self._stops.aclose()
        log.info("stopped")

    async def _start(self) -> None:
        stops = self._stops
        core = self.core = await asyncio.to_thread(Core, self.settings, self.clock, self._decided, self._give_up)
        stops.push_async_callback(asyncio.to_thread, core.close)
        store = await asyncio.to_thread(lambda: core.store)
        await asyncio.to_thread(store.open)
        stops.push_async_callback(asyncio.to_thread, core.store.close)
        self._alarms = core.decider.fold.alerting.alarms
        key = await asyncio.to_thread(core.installation.installation_key)
        self.deliver = await asyncio.to_thread(Deliver.of, self.settings, core.engine, core.journal, self.clock, key)
        self.follower = Follower(core, self._alarm)
        self.signing = await asyncio.to_thread(Signing, core, self.clock, self._alarm)
        self.intake = Intake(
            MqttOptions.of(self.settings),
            core.journal,
            self.clock,
            filters=self._filters,
            data_dir=core.installation.folder,
            on_event=self._intake_event,
        )
        token = secrets.token_urlsafe(32)
        self.view = View(core, self.follower, self.intake, self.deliver, self.signing, token)
        server = Server(build_app(self.view), self.settings)
        self.address = await server.start()
        stops.push_async_callback(server.stop)
        self._spawn("deliver", self.deliver.run())
        stops.push_async_callback(self.deliver.stop, STOP_S)
        self.follower.start()
        stops.push_async_callback(asyncio.to_thread, self.follower.stop, STOP_S)
        if self.settings.timeseries.store == "influx":
            self.charts = await asyncio.to_thread(Charts, self.view, core, self.follower)
            self.charts.start()
            stops.push_async_callback(asyncio.to_thread, self.charts.stop, STOP_S)
        self.signing.start()
        stops.push_async_callback(asyncio.to_thread, self.signing.stop, STOP_S)
        core.decider.start()
        stops.push_async_callback(asyncio.to_thread, core.decider.stop, STOP_S)
        await asyncio.to_thread(core.start_record)
        stops.push_async_callback(asyncio.to_thread, self.signing.segments.stop, STOP_S)
        self._spawn("retention", self._retention())
        self._beat()
        await self.intake.start()
        stops.push_async_callback(self._keep_counts)
        stops.push_async_callback(self.intake.stop, STOP_S)
        self._spawn("intake", self.intake.run())
        runtime = Runtime(self.address, token, self.settings.mqtt.shown_url, os.getpid())
        await asyncio.to_thread(core.installation.write_runtime, runtime)
        stops.push_async_callback(asyncio.to_thread, core.installation.remove_runtime)

    def _decided(self, out: Outputs) -> None:
        """Hand on what a commit made certain; called in decide's thread."""
        self.signing.notary.wake()
        for topic, payload in out.replies:
            self.intake.publish_soon(topic, payload)
        for fault in out.faults:
            log.error("a record could not be decided; please report this", fault=fault)
        for step in out.transitions:
            seen = {name: step[name] for name in ("alert", "to_state", "reason", "by", "offset")}
            log.info("alert", happened=step["event"], **seen)
        if out.outbox or out.settled:
            self._loop.call_soon_threadsafe(self.deliver.wake)
        if out.filters_changed:
            self.view.registry_changed()
            self._loop.call_soon_threadsafe(self.intake.set_filters)

    def _filters(self) -> list[str]:
        registry = self.view.registry()
        bodies = (registry.get("sources", name) for name in registry.ids("sources"))
        return sorted({body["filter"] for body in bodies if body is not None})

    def _alarm(self, name: str, *, on: bool) -> None:
        """Write that an alarm of the gateway begins or ends, once each; any thread, never blocks."""
        if on == (name in self._alarms):
            return
        (self._alarms.add if on else self._alarms.discard)(name)
        body = json_body({"type": "alarm", "alarm": name, "state": "on" if on else "off"})
        self.core.journal.submit([Entry(Kind.ALARM, self.clock.now_ms(), body)], lambda _: None)

    def _intake_event(self, name: str, details: dict[str, Any]) -> None:
        (log.warning if name in TROUBLE else log.info)("intake", happened=name, **details)
        if name in {"connected", "unreachable", "refused"}:
            self._alarm("broker_unreachable", on=name != "connected")
        if name == "disconnected":
            # Nobody can be heard until the marker comes back: decide must not take that for silence of devices.
            body = json_body({"type": "disconnected", "broker": details["broker"]})
            self.core.journal.submit([Entry(Kind.DISCONNECTED, self.clock.now_ms(), body)], lambda _: None)

    def _beat(self) -> None:
        """Tell an address outside that all is well, where there is one: silence is the alarm then."""
        alerts = self.settings.alerts
        url = alerts.heartbeat_url.get_secret_value()
        if url:
            decider, journal = self.core.decider, self.core.journal
            moves = Progress(lambda: journal.durable, lambda: decider.cursor)
            beat = Heartbeat(url, alerts.heartbeat_s, lambda: self._well() and moves())
            self._spawn("heartbeat", beat.run())

    def _well(self) -> bool:
        core = self.core
        return core.journal.failed is None and core.decider.failed is None and not self.failed.is_set()

    async def _keep_counts(self) -> None:
        await asyncio.to_thread(keep_redelivered, self.core.engine, self.view.redelivered())

    async def _retention(self) -> None:
        while True:
            await asyncio.sleep(RETENTION_S)
            await self._keep_counts()
            floor = min(retention_floor(self.core.decider, self.follower.cursor), self.signing.segments.recorded)
            await asyncio.to_thread(self.core.journal.retain, floor, self.settings.journal.keep_days)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"hygeia.{name}")
        task.add_done_callback(self._ended)
        self._stops.callback(task.cancel)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("a part has stopped", part=task.get_name(), error=repr(task.exception()))
            self.failed.set()

    def _give_up(self) -> None:
        """Journal or decide cannot go on; called in their threads."""
        self._loop.call_soon_threadsafe(self.failed.set)
