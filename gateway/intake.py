"""The MQTT intake: makes every message durable before it is acknowledged (DESIGN 2).

Life of a message: it arrives with others in one read; all of them become entries of one submission to the journal;
their PUBACKs wait in a queue, in the order of the wire and tied to the connection they came on; when the journal says
that the submission is on disk, the PUBACKs at the head of the queue go out in one write. A message that never became
durable is never acknowledged, and the broker sends it again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mqtt5
import msgspec

from gateway.clock import Clock
from gateway.errors import JournalFailedError, StartError
from gateway.journal.reader import Reader
from gateway.journal.record import Kind, json_body
from gateway.journal.writer import Entry
from gateway.mqtt.acknowledge import Acknowledger, JournalSink
from gateway.mqtt.connection import Connection, Published, UnreachableError
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.receive import Receiver
from gateway.mqtt.redelivery import Records
from gateway.mqtt.replies import Replies, publish_frame
from gateway.mqtt.session import connect, full_jitter
from gateway.mqtt.subscriptions import DROPPED_TOPIC, Subscriptions

_TAKEOVERS, _TAKEOVER_SPAN_S = 2, 600.0
_STEADY_S = 10.0
_LOOK_S = 1.0


@dataclass(frozen=True)
class IntakeStats:
    """Counters since the start. ``received`` counts device messages of any QoS, redelivered ones included."""

    connected: bool
    received: int
    qos0: int
    redelivered: int
    acked: int
    reconnects: int
    sessions_lost: int
    broker_dropped: int
    too_large: int
    replies_dropped: int
    paused: bool


class Intake:
    """See the module's docstring. All methods but ``publish_soon`` and ``set_filters`` belong to the event loop.

    ``filters`` gives the topic filters of the registry's sources; ``data_dir`` gets ``intake.json``. ``on_event`` is
    told in the event loop what an operator should see: ``connected, disconnected, unreachable, refused,
    subscription_refused, marker_refused, drops_unknown, caught_up, session_lost, note_not_saved``. What the journal has
    of this session's last messages is read at the start through ``records``, by default from ``data_dir/journal``.
    """

    def __init__(
        self,
        options: MqttOptions,
        journal: JournalSink,
        clock: Clock,
        *,
        filters: Callable[[], list[str]],
        data_dir: Path,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        records: Records | None = None,
    ) -> None:
        self._options = options
        self._journal = journal
        self._clock = clock
        self._filters = filters
        self._records = records or Reader(data_dir / "journal")
        self._tell = on_event or (lambda _name, _details: None)
        self._up_filter = f"{options.root}/+/+/up/+"
        self._marker_topic = f"{options.root}/_/{options.client_id}/down/marker"
        self._marker = self._marker_id = 0
        self._replies = Replies()
        self._subscriptions = Subscriptions(options, data_dir, self._tell)
        self._acknowledger = Acknowledger(journal)
        self._receiver = Receiver(options, clock, self._acknowledger)
        self._loop: asyncio.AbstractEventLoop
        self._wake = asyncio.Event()
        self._connection: Connection | None = None
        self._started = self._refilter = self._stopping = False
        self._attempt = 0
        self._since = 0.0
        self._takeovers: deque[float] = deque(maxlen=_TAKEOVERS)
        self._connections = self._sessions_lost = self._broker_dropped = 0

    @property
    def stats(self) -> IntakeStats:
        """The counters as they are now."""
        connection = self._connection
        return IntakeStats(
            connected=connection is not None and connection.alive,
            received=self._receiver.received,
            qos0=self._receiver.qos0,
            redelivered=self._receiver.redelivered,
            acked=self._acknowledger.acked,
            reconnects=max(0, self._connections - 1),
            sessions_lost=self._sessions_lost,
            broker_dropped=self._broker_dropped,
            too_large=self._receiver.too_large,
            replies_dropped=self._replies.dropped,
            paused=connection is not None and connection.paused,
        )

    # What the application calls.

    async def start(self) -> None:
        """Connect for the first time; must come before ``run``.

        Raises StartError (one line) where a person must act: credentials, TLS, a refused subscription. A broker that
        cannot be reached is no error: ``run`` keeps trying.
        """
        self._loop = asyncio.get_running_loop()
        self._started = True
        await self._subscriptions.load()
        await asyncio.to_thread(self._receiver.recall, self._records, self._journal.durable)
        try:
            refused = await self._establish()
        except UnreachableError as error:
            self._tell("unreachable", {"reason": str(error)})
            return
        if self._up_filter in refused:
            await self.stop()
            raise StartError(
                f"{self._options.address} refuses the subscription to {self._up_filter}: "
                "let this user read it in the broker's access rules",
            )

    async def run(self) -> None:
        """Take in until ``stop``, reconnecting as needed. Raises JournalFailedError once the journal has failed."""
        while not self._stopping:
            if self._journal.failed is not None:
                raise JournalFailedError(
                    f"the journal failed, nothing is acknowledged any more: {self._journal.failed}"
                )
            connection = self._connection
            if connection is None:
                await self._nap(full_jitter(self._attempt), whole=True)
                await self._try_again()
            elif connection.closed.done():
                self._lost(connection)
            else:
                await self._look_after(connection)

    async def stop(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - the deadline of the whole stop
        """Stop reading, wait until all that was read is durable and acknowledged, and disconnect.

        What is not durable after ``timeout`` seconds stays unacknowledged: the broker sends it again next time.
        """
        self._stopping = True
        self._wake.set()
        connection = self._connection
        if connection is None:
            return
        connection.pause()
        self._acknowledger.stay_paused()
        await self._acknowledger.drained(timeout)
        self._replies.detach()
        await connection.disconnect()
        await self._subscriptions.save_if_changed()

    def set_filters(self) -> None:
        """The registry's sources changed: read ``filters`` again and subscribe accordingly. Any thread, any time."""
        self._soon(self._filters_changed)

    def publish_soon(self, topic: str, payload: bytes, qos: int = 1) -> None:
        """Publish a reply when the connection allows; too many waiting drop the oldest. Any thread, any time."""
        self._replies.offer(topic, payload, qos)
        self._soon(self._replies.flush)

    # What the connection calls (``gateway.mqtt.connection.Owner``).

    def connected(self, connection: Connection, answer: mqtt5.ConnAckPacket) -> None:
        """A session begins or goes on; what arrives next belongs to it."""
        if self._stopping:
            connection.abort("stopping")
        self._connection = connection
        self._since = self._loop.time()
        present = answer.session_present
        self._receiver.begin(connection, resumed=present)
        self._acknowledger.use(connection)
        connection.closed.add_done_callback(lambda _closed: self._wake.set())
        if self._subscriptions.connected(session_present=present):
            self._session_lost("expired")
        self._tell("connected", {"broker": self._options.address, "session_present": present})

    def published(self, connection: Connection, messages: list[Published]) -> None:
        """Devices' messages, the marker, the broker's counter."""
        self._receiver.take(connection, messages, self._own, self._marker_topic)

    def answered(self, connection: Connection, answers: list[tuple[int, int]]) -> None:  # noqa: ARG002 - see Owner
        """The broker answered what we published: the marker and replies."""
        for packet_id, code in answers:
            if packet_id == self._marker_id and code:
                self._tell("marker_refused", {"topic": self._marker_topic, "reason": f"reason code {code}"})
            self._replies.acknowledged(packet_id, code)
        self._replies.flush()

    # Inside.

    def _soon(self, action: Callable[[], None]) -> None:
        """Have ``action`` done in the event loop; before the start and after the end nothing of it matters."""
        if self._started:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(action)

    def _own(self, topic: str, payload: bytes) -> Callable[[], None] | None:
        """A message that is no device's; gives what the return of this connection's marker sets off."""
        if topic == self._marker_topic:
            with contextlib.suppress(msgspec.DecodeError):
                if msgspec.json.decode(payload) == {"n": self._marker}:
                    return self._caught_up
        elif topic == DROPPED_TOPIC:
            count = self._subscriptions.dropped(payload)
            if count:
                self._broker_dropped += count
                self._session_lost("dropped", count=count)
                self._mark()
            self._wake.set()
        return None

    def _session_lost(self, reason: str, **details: int) -> None:
        """Messages were or may be lost before they reached us: a record and an alarm."""
        if reason != "dropped":
            self._sessions_lost += 1
        body = {"reason": reason, "broker": self._options.address, "client_id": self._options.client_id, **details}
        record = json_body({"type": "session_lost", **body})
        self._acknowledger.submit(None, [Entry(Kind.SESSION_LOST, self._clock.now_ms(), record)], [])
        self._tell("session_lost", body)

    def _caught_up(self) -> None:
        """The marker came back, and everything received before it is durable."""
        body = {"broker": self._options.address, "client_id": self._options.client_id, "n": self._marker}
        record = json_body({"type": "caught_up", **body})
        self._acknowledger.submit(
            None,
            [Entry(Kind.CAUGHT_UP, self._clock.now_ms(), record)],
            [],
            then=lambda: self._tell("caught_up", body),
        )

    def _mark(self) -> None:
        """Publish the marker: when it comes back, everything that the broker had for us until now has come."""
        connection = self._connection
        if connection is None or not connection.alive:
            return
        self._marker = max(self._marker + 1, self._clock.now_ms())
        self._marker_id = connection.next_packet_id()
        connection.write(publish_frame(self._marker_topic, b'{"n":%d}' % self._marker, self._marker_id))

    async def _establish(self) -> list[str]:
        """Connect, subscribe, publish the marker; gives the filters that were refused. Raises as ``connect``."""
        connection = await connect(self._options, self)
        try:
            if not await self._subscriptions.watch_dropped(connection):
                connection = await connect(self._options, self)
            refused = await self._subscriptions.update(connection, self._wanted())
        except TimeoutError as error:
            connection.abort("the broker did not answer the subscription")
            raise UnreachableError(f"{self._options.address} did not answer the subscription") from error
        except BaseException:
            connection.abort("the subscription failed")
            raise
        self._connections += 1
        self._mark()
        self._replies.attach(connection)
        return refused

    def _wanted(self) -> list[str]:
        return [self._up_filter, self._marker_topic, *self._filters()]

    async def _try_again(self) -> None:
        if self._stopping:
            return
        try:
            await self._establish()
        except StartError as error:
            self._tell("refused", {"reason": str(error)})
            self._attempt += 1
        except UnreachableError as error:
            self._tell("unreachable", {"reason": str(error)})
            self._attempt += 1

    def _lost(self, connection: Connection) -> None:
        """The connection is gone: what follows it waits the longer, the sooner that happened."""
        self._connection = None
        self._replies.detach()
        now = self._loop.time()
        self._attempt = 0 if now - self._since >= _STEADY_S else self._attempt + 1
        self._tell("disconnected", {"broker": self._options.address, "reason": connection.closed.result()})
        if connection.taken_over:
            self._takeovers.append(now)
            if len(self._takeovers) == _TAKEOVERS and now - self._takeovers[0] <= _TAKEOVER_SPAN_S:
                self._takeovers.clear()
                self._session_lost("taken_over")

    async def _look_after(self, connection: Connection) -> None:
        """Sleep until there is something to do for a living connection, and do it."""
        await self._nap(_LOOK_S)
        if self._refilter and not self._stopping:
            self._refilter = False
            try:
                await self._subscriptions.update(connection, self._wanted())
            except (UnreachableError, TimeoutError) as error:
                connection.abort(str(error) or "the broker did not answer the subscription")
        await self._subscriptions.save_if_changed()

    def _filters_changed(self) -> None:
        self._refilter = True
        self._wake.set()

    async def _nap(self, seconds: float, *, whole: bool = False) -> None:
        """Sleep until woken, with ``whole`` until the time is over or the intake stops."""
        end = self._loop.time() + seconds
        while not self._stopping and (left := end - self._loop.time()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._wake.wait()
            except TimeoutError:
                return
            self._wake.clear()
            if not whole:
                return
