"""The API of an installation whose gateway does not run, called without a network."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, MutableMapping, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa

from custody.profile import Profile
from devices.registry import Registry
from gateway.api.app import build_app
from gateway.api.services import Answer, Band, Lag, Latest, RawMessage, Taken
from gateway.client import JSON, Reply
from gateway.clock import Clock, SystemClock
from gateway.config import Settings
from gateway.histories import Histories, histories_of
from gateway.installation import Installation
from gateway.journal.reader import Reader
from gateway.journal.record import Kind, parse_message
from gateway.offline import Offline
from gateway.store.base import StoredReading


class NoReadings:
    """Readings are not served without a gateway: only one process may open the store."""

    def read(self, **_: Any) -> list[StoredReading]:  # noqa: ANN401 - takes whatever Readings.read takes
        """See ``gateway.api.services.Readings``."""
        return []


class OfflineServices:
    """``gateway.api.services.Services`` over an installation that this process holds."""

    def __init__(self, settings: Settings, offline: Offline) -> None:
        self.settings = settings
        self.clock: Clock = SystemClock()
        self.store = NoReadings()
        self.runtime_token = secrets.token_urlsafe(32)
        self._offline = offline
        self._installation = Installation(settings.data.dir)

    @property
    def engine(self) -> sa.Engine:
        """The state."""
        return self._offline.engine

    @property
    def link_key(self) -> bytes:
        """The installation key."""
        return self._installation.installation_key()

    @property
    def packs(self) -> Mapping[str, str]:
        """The texts of the packs in force."""
        return self._offline.packs

    @property
    def profiles(self) -> Mapping[str, Profile]:
        """The producer profiles in force."""
        return self._offline.profiles

    def histories(self) -> Histories:
        """Histories of containers as decide knows them now."""
        return histories_of(self.engine, self.registry(), self.profiles)

    def registry(self) -> Registry:
        """The registry as decided."""
        return self._offline.registry

    def latest(self, device: str) -> list[Latest]:  # noqa: ARG002 - nothing is live without a gateway
        """Nothing."""
        return []

    def bands(self, device: str) -> list[Band]:  # noqa: ARG002 - nothing is live without a gateway
        """Nothing."""
        return []

    def cover(self) -> None:
        """Nobody signs without a running gateway; what it had committed it signed when it stopped."""

    def lags(self) -> dict[str, Lag]:
        """Nothing."""
        return {}

    def report(self) -> dict[str, int | None]:
        """The counters of DESIGN 4.3."""
        return self._offline.report()

    def message(self, offset: int) -> RawMessage | None:
        """The message at ``offset`` while its journal file is kept."""
        try:
            records = Reader(self._installation.journal).read(offset, end=offset)
        except LookupError:
            return None
        if not records or records[0].kind != Kind.MESSAGE:
            return None
        message = parse_message(records[0].body)
        return RawMessage(offset, records[0].time, message.topic.decode("utf-8", "replace"), message.payload)

    async def command(self, name: str, args: dict[str, Any], by: str) -> Answer:
        """Carry out one command and decide to the end."""
        return await asyncio.to_thread(self._offline.command, name, args, by)

    async def push(self, device: str, payloads: Sequence[bytes], peer: str, by: str) -> Taken:
        """Take custody events and decide to the end."""
        return await asyncio.to_thread(self._offline.push, device, payloads, peer, by)


class InProcess:
    """Holds the folder of ``settings`` from the constructor to the end of the ``with`` block; entered, a transport."""

    def __init__(self, settings: Settings) -> None:
        self._offline = Offline(settings)
        self._services = OfflineServices(settings, self._offline)
        self._app = build_app(self._services)

    def __call__(self, method: str, path: str, body: bytes | None = None, kind: str = JSON) -> Reply:
        """See ``gateway.client.Transport``."""
        return asyncio.run(self._answer(method, path, body or b"", kind))

    async def _answer(self, method: str, path: str, body: bytes, kind: str) -> Reply:
        parts = urlsplit(path)
        headers = {
            "host": "127.0.0.1",
            "authorization": f"Bearer {self._services.runtime_token}",
            "content-type": kind,
            "content-length": str(len(body)),
        }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(parts.path),
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
        }
        status, location, content = 500, "", bytearray()
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if waiting:
                return waiting.pop()
            await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status, location
            if message["type"] == "http.response.start":
                status = message["status"]
                found = {name.lower(): value for name, value in message["headers"]}
                location = found.get(b"location", b"").decode()
            elif message["type"] == "http.response.body":
                content.extend(message.get("body", b""))

        await self._app(scope, receive, send)
        return Reply(status, location, bytes(content))

    def __enter__(self) -> InProcess:  # noqa: PYI034 - Self would hide the transport from the reader
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._offline.close()
