"""The HTTP side of the InfluxDB store: an event loop in a thread of its own, so that any thread may ask.

Writes go through influxdb-client's asyncio service of ``/api/v2/write`` (its ``write_api`` hides the status); queries
are InfluxQL at ``/query``, which that client does not have. The token goes into headers and nowhere else.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypeVar

import aiohttp
import msgspec
import uvloop
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from gateway.store.influx_query import Found
from gateway.store.influx_write import Answer, Refusal, UnwrittenError, answer_of, deliver

_Result = TypeVar("_Result")
_NETWORK = (aiohttp.ClientError, OSError, asyncio.TimeoutError, EOFError)


class Target(NamedTuple):
    """Where and as whom: ``bucket`` is ``name`` or ``database/retention policy``; ``ca`` a file of certificates."""

    url: str
    org: str
    bucket: str
    token: str
    ca: str | None = None
    timeout: float = 30.0
    gzip: bool = False


class _Statement(msgspec.Struct):
    series: list[Found] = []
    error: str | None = None


class _Results(msgspec.Struct):
    results: list[_Statement] = []
    error: str | None = None


_results = msgspec.json.Decoder(_Results)


class InfluxLink:
    """Writes and queries, each from any thread; at most ``in_flight`` writes at a time."""

    def __init__(self, target: Target, in_flight: int = 2) -> None:
        self.target = target
        self._in_flight = in_flight
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="influx", daemon=True)
        self._client: InfluxDBClientAsync | None = None
        self._session: aiohttp.ClientSession | None = None
        self._slots: asyncio.Semaphore | None = None

    def open(self) -> None:
        """Start the thread; nothing is sent yet. Raises OSError where the certificates cannot be read."""
        context = ssl.create_default_context(cafile=self.target.ca) if self.target.url.startswith("https") else None
        self._thread.start()
        self._run(self._begin(context)).result()

    def close(self) -> None:
        """End all connections and the thread."""
        if self._thread.is_alive():
            self._run(self._end()).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    def write(self, lines: Sequence[bytes], start: int, end: int) -> Future[list[Refusal]]:
        """Begin to deliver a run of lines; see ``influx_write.deliver``."""
        return self._run(self._deliver(lines, start, end))

    def post(self, body: bytes) -> Answer:
        """Send one body and tell what came back."""
        return self._run(self._send(body)).result()

    def query(self, statements: Sequence[str]) -> list[list[Found]]:
        """Answer InfluxQL statements, in order. Raises UnwrittenError when the server does not."""
        return self._run(self._query(statements)).result()

    def _run(self, work: Coroutine[Any, Any, _Result]) -> Future[_Result]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _begin(self, context: ssl.SSLContext | None) -> None:
        target = self.target
        self._slots = asyncio.Semaphore(self._in_flight)
        self._client = InfluxDBClientAsync(
            url=target.url,
            token=target.token,
            org=target.org,
            timeout=int(target.timeout * 1000),
            enable_gzip=target.gzip,
            allow_redirects=False,
            ssl_context=context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context or True),
            headers={"Authorization": f"Token {target.token}"},
            timeout=aiohttp.ClientTimeout(total=target.timeout),
        )

    async def _end(self) -> None:
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]
        if self._session is not None:
            await self._session.close()

    async def _deliver(self, lines: Sequence[bytes], start: int, end: int) -> list[Refusal]:
        assert self._slots is not None
        async with self._slots:
            return await deliver(self._send, lines, start, end)

    async def _send(self, body: bytes) -> Answer:
        assert self._client is not None
        service = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]
        try:
            _, status, _ = await service.post_write_async(  # type: ignore[no-untyped-call]
                org=self.target.org,
                bucket=self.target.bucket,
                body=body,
                precision="ns",
                async_req=False,
                _return_http_data_only=False,
                content_type="text/plain; charset=utf-8",
            )
        except ApiException as error:
            headers: Mapping[str, str] = error.headers or {}
            return answer_of(error.status or 0, error.body or b"", headers.get("Retry-After"), time.time())
        except _NETWORK as error:
            return Answer(0, f"{self.target.url} does not answer: {type(error).__name__} {error}".strip())
        return Answer(status, "" if status == 204 else "this is not InfluxDB's answer to a write")

    async def _query(self, statements: Sequence[str]) -> list[list[Found]]:
        assert self._session is not None
        database, _, policy = self.target.bucket.partition("/")
        where = {"db": database, "epoch": "ns"} | ({"rp": policy} if policy else {})
        try:
            async with self._session.post(
                f"{self.target.url.rstrip('/')}/query",
                params=where,
                data={"q": ";".join(statements)},
                allow_redirects=False,
            ) as response:
                body = await response.read()
                answer = answer_of(response.status, body, response.headers.get("Retry-After"), time.time())
        except _NETWORK as error:
            words = f"{self.target.url} does not answer: {type(error).__name__} {error}".strip()
            raise UnwrittenError(words, held=False) from error
        return _series(answer, body)


def _series(answer: Answer, body: bytes) -> list[list[Found]]:
    if answer.status != 200:
        held = answer.status not in {408, 425, 429} and answer.status < 500
        raise UnwrittenError(f"query: HTTP {answer.status} {answer.words}", held=held, retry_after=answer.retry_after)
    try:
        document = _results.decode(body)
    except msgspec.MsgspecError as error:
        raise UnwrittenError("query: the answer is not InfluxDB's", held=True) from error
    for words in (document.error, *(result.error for result in document.results)):
        if words:
            raise UnwrittenError(f"query: {words}", held="timeout" not in words)
    return [result.series for result in document.results]
