"""One connection to a broker: handshake, keep-alive, dispatch. What a session means, its owner decides.

A connection is used once: whoever reconnects makes a new one, so nothing of an old connection (packet ids,
half a frame) can reach a newer one.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any, Protocol, cast

import mqtt5

from gateway.errors import HygeiaError, StartError
from gateway.mqtt.frames import FrameCutter, LongPublish
from gateway.mqtt.options import MqttOptions

_QOS_2 = 0b100
#: How a CONNACK of MQTT 3.1.1 begins: that of MQTT 5 has a property length and is longer.
_CONNACK_OF_3 = b"\x20\x02"
_PINGREQ = mqtt5.PingReqPacket().write()

_Refusal = mqtt5.ConnAckReasonCode
_NO_MQTT_5 = "does not speak MQTT 5: use a broker or listener that does"
#: Refusals that another attempt does not change: a person must act.
_FINAL = {
    int(_Refusal.BAD_USER_NAME_OR_PASSWORD): "refuses the user name or password: correct them in mqtt.url",
    int(_Refusal.NOT_AUTHORIZED): "does not authorise us: check user and password in mqtt.url, and the broker's rules",
    int(_Refusal.CLIENT_ID_NOT_VALID): "refuses the client id: choose another mqtt.client_id",
    int(_Refusal.UNSUPPORTED_PROTOCOL_VERSION): _NO_MQTT_5,
    int(_Refusal.BANNED): "has banned this client: lift the ban at the broker",
    int(_Refusal.BAD_AUTHENTICATION_METHOD): "wants an authentication method that Hygeia does not have",
}
#: ``Published``: the packet and, where its payload was cut, (length, sha256 digest) of the whole of it.
Published = tuple[mqtt5.PublishPacket, tuple[int, bytes] | None]


class UnreachableError(HygeiaError):
    """There is no connection now; trying again later may help. A command that needs one cannot start."""

    exit_code = 2


class Owner(Protocol):
    """Who uses a connection. All is called in the event loop, in the order of the wire."""

    def connected(self, connection: Connection, answer: mqtt5.ConnAckPacket) -> None:
        """The broker accepted; called before anything that follows the CONNACK is looked at."""
        ...

    def published(self, connection: Connection, messages: list[Published]) -> None:
        """Messages of QoS 0 or 1 that arrived together. An exception ends the connection."""
        ...

    def answered(self, connection: Connection, answers: list[tuple[int, int]]) -> None:
        """PUBACKs that arrived together: packet id and reason code (128 and more: refused)."""
        ...


class Connection(asyncio.Protocol):
    """See the module's docstring. Made by ``gateway.mqtt.session.connect``.

    ``closed`` gets one line that says why once the connection is gone; ``taken_over`` says that another client with
    the same id did it. ``receive_maximum`` is how many messages the broker lets us have unacknowledged.
    """

    def __init__(self, options: MqttOptions, owner: Owner, *, clean_start: bool = False) -> None:
        loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = loop.create_future()
        self.answer: asyncio.Future[mqtt5.ConnAckPacket] = loop.create_future()
        self.taken_over = False
        self.receive_maximum = 65535
        self.peer = ""
        self.paused = False
        self._options = options
        self._owner = owner
        self._clean_start = clean_start
        self._loop = loop
        self._cutter = FrameCutter()
        self._transport: asyncio.Transport | None = None
        self._why = ""
        self._heard = loop.time()
        self._keep_alive = options.keep_alive
        self._timer: asyncio.TimerHandle | None = None
        self._packet_id = 0
        self._waiting: dict[int, asyncio.Future[list[int]]] = {}

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves."""
        # Not asserted: uvloop's transports have the methods but do not inherit.
        self._transport = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if name else ""
        options = self._options
        packet = mqtt5.ConnectPacket(
            options.client_id,
            username=options.username,
            password=None if options.password is None else options.password.encode(),
            clean_start=self._clean_start,
            keep_alive=options.keep_alive,
            session_expiry_interval=options.session_expiry,
            receive_max=options.receive_maximum,
        )
        self._transport.write(packet.write())

    def data_received(self, data: bytes) -> None:
        """Cut, decode and hand on; anything wrong ends the connection, after what came before it was handed on."""
        self._heard = self._loop.time()
        messages: list[Published] = []
        answers: list[tuple[int, int]] = []
        why = ""
        try:
            why = self._take(data, messages, answers)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - mqtt5 panics with a BaseException on bad UTF-8
            why = f"the broker broke the protocol: {type(error).__name__}: {error}"
            if data[:2] == _CONNACK_OF_3 and not self.answer.done():
                _fail(self.answer, StartError(f"{self._options.address} {_NO_MQTT_5}"))
        if messages or answers:
            why = self._hand_on(messages, answers) or why
        if why:
            self.abort(why)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._why = self._why or (f"the connection broke: {exc}" if exc else "the broker closed the connection")
        if isinstance(exc, ssl.SSLError) and not isinstance(exc, ssl.SSLEOFError):
            _fail(self.answer, exc)
        gone = UnreachableError(f"{self._options.address}: {self._why}")
        _fail(self.answer, gone)
        for waiting in self._waiting.values():
            _fail(waiting, gone)
        self._waiting.clear()
        if not self.closed.done():
            self.closed.set_result(self._why)

    # What the owner calls.

    @property
    def alive(self) -> bool:
        """Whether anything written now may still reach the broker."""
        return self._transport is not None and not self._transport.is_closing()

    def write(self, frames: bytes) -> None:
        """Send whole frames; nothing happens on a connection that is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frames)

    def next_packet_id(self) -> int:
        """A packet id from 1 to 65535, round and round; the caller skips those that it still uses."""
        self._packet_id = self._packet_id % 65535 + 1
        return self._packet_id

    async def subscribe(self, filters: Sequence[mqtt5.TopicFilter]) -> list[int]:
        """Subscribe and wait for the reason codes, one a filter. Raises UnreachableError."""
        packet_id = self.next_packet_id()
        return await self._request(packet_id, mqtt5.SubscribePacket(packet_id, list(filters)).write())

    async def unsubscribe(self, patterns: Sequence[str]) -> list[int]:
        """Unsubscribe and wait for the reason codes, one a pattern. Raises UnreachableError."""
        packet_id = self.next_packet_id()
        return await self._request(packet_id, mqtt5.UnsubscribePacket(packet_id, list(patterns)).write())

    def pause(self) -> None:
        """Stop reading: the broker's window and the socket push back. Keep-alive goes on."""
        if self._transport is not None and not self.paused and not self._transport.is_closing():
            self._transport.pause_reading()
            self.paused = True

    def resume(self) -> None:
        """Read again; the peer has its whole time anew to be heard."""
        if self.paused and self._transport is not None and not self._transport.is_closing():
            self._heard = self._loop.time()
            self._transport.resume_reading()
        self.paused = False

    async def disconnect(self, *, forget: bool = False) -> None:
        """Send what is written, say goodbye and wait until the connection is closed, a second at most.

        With ``forget`` the broker removes our session.
        """
        if self._transport is not None and not self._transport.is_closing():
            self._why = self._why or "we disconnected"
            self._transport.write(mqtt5.DisconnectPacket(session_expiry_interval=0 if forget else None).write())
            self._transport.close()
        await asyncio.wait([self.closed], timeout=1.0)
        self.abort("we disconnected")

    def abort(self, why: str) -> None:
        """Drop the connection at once; ``why`` is what ``closed`` will say, the first reason wins."""
        self._why = self._why or why
        if self._transport is not None:
            self._transport.abort()

    # Inside.

    def _take(self, data: bytes, messages: list[Published], answers: list[tuple[int, int]]) -> str:
        """Sort the packets in ``data``; returns why the connection has to end, if it has to."""
        for piece in self._cutter.feed(data):
            if isinstance(piece, LongPublish):
                frame, cut = piece.frame, (piece.length, piece.sha256)
            else:
                frame, cut = piece, None
            packet = mqtt5.read(frame)[0]  # type: ignore[arg-type] # bytes will do and cost less than a memoryview
            if type(packet) is mqtt5.PublishPacket:
                if frame[0] & _QOS_2:
                    return "the broker sent QoS 2, which was not subscribed to"
                messages.append((packet, cut))
            elif type(packet) is mqtt5.PubAckPacket:
                answers.append((packet.packet_id, int(packet.reason_code)))
            elif type(packet) is mqtt5.DisconnectPacket:
                self.taken_over = packet.reason_code == mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
                return f"the broker ended the connection: {reason_name(packet.reason_code)}{_words(packet.reason_str)}"
            else:
                self._control(packet)
        return "" if self._cutter.fault is None else f"the broker broke the protocol: {self._cutter.fault}"

    def _hand_on(self, messages: list[Published], answers: list[tuple[int, int]]) -> str:
        """Give the owner what arrived together; returns why the connection has to end, if it has to."""
        if not self.answer.done():
            return "the broker broke the protocol: its first packet is no CONNACK"
        try:
            if answers:
                self._owner.answered(self, answers)
            if messages:
                self._owner.published(self, messages)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, nothing of it may be acknowledged
            return f"a message could not be taken: {type(error).__name__}: {error}"
        return ""

    def _control(self, packet: mqtt5.Packet) -> None:
        """CONNACK, SUBACK and UNSUBACK; a PINGRESP has done its work by having been heard."""
        if type(packet) is mqtt5.ConnAckPacket:
            self._greeted(packet)
        elif isinstance(packet, mqtt5.SubAckPacket | mqtt5.UnsubAckPacket):
            waiting = self._waiting.pop(packet.packet_id, None)
            if waiting is not None and not waiting.done():
                waiting.set_result([int(code) for code in packet.reason_codes])
        elif type(packet) is not mqtt5.PingRespPacket:
            raise UnreachableError(f"{type(packet).__name__} was not asked for")

    def _greeted(self, answer: mqtt5.ConnAckPacket) -> None:
        if self.answer.done():
            raise UnreachableError("a second CONNACK")
        code = int(answer.reason_code)
        if code:
            if code in _FINAL:
                _fail(self.answer, StartError(f"{self._options.address} {_FINAL[code]}"))
            self.abort(f"the broker refuses: {reason_name(answer.reason_code)}{_words(answer.reason_str)}")
            return
        self.receive_maximum = answer.receive_max
        if answer.server_keep_alive is not None:
            self._keep_alive = answer.server_keep_alive
        if self._keep_alive:
            self._timer = self._loop.call_later(self._keep_alive / 2, self._tick)
        self._owner.connected(self, answer)
        self.answer.set_result(answer)

    def _tick(self) -> None:
        """Twice a keep-alive interval: ask, and give up a broker that was silent for one and a half.

        While we do not read, silence is our own doing; the PINGREQ is sent all the same, or the broker gives us up.
        """
        if not self.paused and self._loop.time() - self._heard > 1.5 * self._keep_alive:
            self.abort(f"the broker was silent for {1.5 * self._keep_alive:g} s")
            return
        self.write(_PINGREQ)
        self._timer = self._loop.call_later(self._keep_alive / 2, self._tick)

    async def _request(self, packet_id: int, frame: bytes) -> list[int]:
        if not self.alive:
            raise UnreachableError(f"{self._options.address}: {self._why or 'not connected'}")
        waiting: asyncio.Future[list[int]] = self._loop.create_future()
        self._waiting[packet_id] = waiting
        self.write(frame)
        return await waiting


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    """Set an exception that nobody has to fetch."""
    if not future.done():
        future.set_exception(error)
        future.exception()


def reason_name(code: object) -> str:
    """``not authorized`` of a reason code of mqtt5, whose enumerations have no ``name`` (0.8.0, against its stub)."""
    return repr(code).partition(".")[2].partition(":")[0].lower().replace("_", " ") or str(code)


def _words(text: str | None) -> str:
    return f" ({text})" if text else ""
