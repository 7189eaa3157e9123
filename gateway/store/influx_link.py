"""The HTTP side of the InfluxDB store: an event loop in a thread of its own, so that any thread may ask.

Writes go through influxdb-client's asyncio service of ``/api/v2/write`` (its ``write_api`` hides the status), on 1.x,
which has that path only from 1.8 on, to ``/write``; queries are InfluxQL at ``/query``, which that client has not.
What the server is, it says at ``/ping``. The token goes into headers and nowhere else.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import ssl
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, Self, TypeVar

import aiohttp
import msgspec
import uvloop
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from gateway.config.model import Influx
from gateway.influx_http import basic
from gateway.store.influx_query import Found
from gateway.store.influx_write import UNTRUSTED, Answer, Refusal, UnwrittenError, Verdict, answer_of, deliver, judge

_Result = TypeVar("_Result")
_NETWORK = (aiohttp.ClientError, OSError, asyncio.TimeoutError, EOFError)
#: 1.x says of a series with more rows than this that it is not all, and never takes that back.
_CHUNK_ROWS = 10_000
#: The version in the header of every answer of 1.x and 2.x, such as ``1.6.7~rc0`` or ``v2.9.1``.
_MAJOR = re.compile(r"v?(\d+)\.")


class Target(NamedTuple):
    """Where and as whom: ``bucket`` is ``name`` or ``database/retention policy``; ``ca`` a file of certificates."""

    url: str
    org: str
    bucket: str
    token: str
    ca: str | None = None
    timeout: float = 30.0
    gzip: bool = False

    @classmethod
    def of(cls, influx: Influx) -> Self:
        """The configured bucket."""
        ca = str(influx.ca) if influx.ca else None
        return cls(influx.url, influx.org, influx.bucket, influx.token.get_secret_value(), ca)

    def __repr__(self) -> str:
        """Without the token."""
        return f"Target({self.url!r}, {self.org!r}, {self.bucket!r})"


class _Statement(msgspec.Struct):
    statement_id: int | None = None
    series: list[Found] = []
    error: str | None = None
    partial: bool = False


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
        #: 1, 2 or 3; 2 where the server does not say it; None before it was asked.
        self._major: int | None = None

    def open(self) -> None:
        """Start the thread; nothing is sent yet. Raises OSError where the certificates cannot be read."""
        https = self.target.url.startswith("https")
        try:
            context = ssl.create_default_context(cafile=self.target.ca) if https else None
        except OSError:
            self._loop.close()
            raise
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
        try:
            major = await self._server()
            answer = await (self._send_to_1(body) if major == 1 else self._send_to_2(body))
        except _NETWORK as error:
            return self._unanswered(error)
        if judge(answer.status) is Verdict.HOLD:
            # Perhaps it is another server by now.
            self._major = None
        return answer

    async def _server(self) -> int:
        """Which InfluxDB this is."""
        if self._major is None:
            assert self._session is not None
            headers = self._authorization()
            async with self._session.get(f"{self._url}/ping", headers=headers, allow_redirects=False) as response:
                said = response.headers.get("X-Influxdb-Version", "")
                if not said and response.status == 200 and (await response.read())[:1] == b"{":
                    said = str((await response.json(content_type=None)).get("version", ""))
            found = _MAJOR.match(said)
            self._major = int(found[1]) if found else 2
        return self._major

    async def _send_to_2(self, body: bytes) -> Answer:
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
        return _written(status)

    async def _send_to_1(self, body: bytes) -> Answer:
        assert self._session is not None
        headers = {"Content-Type": "text/plain; charset=utf-8"} | self._authorization()
        if self.target.gzip:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        async with self._session.post(
            f"{self._url}/write",
            params=self._database() | {"precision": "ns"},
            data=body,
            headers=headers,
            allow_redirects=False,
        ) as response:
            text = await response.read()
            if 200 <= response.status < 300:
                return _written(response.status)
            return answer_of(response.status, text, response.headers.get("Retry-After"), time.time())

    @property
    def _url(self) -> str:
        return self.target.url.rstrip("/")

    def _database(self) -> dict[str, str]:
        """What a bucket is called where there are databases and retention policies."""
        database, _, policy = self.target.bucket.partition("/")
        return {"db": database} | ({"rp": policy} if policy else {})

    def _authorization(self) -> dict[str, str]:
        """1.x knows users: there the token is ``user:password``."""
        user, colon, password = self.target.token.partition(":")
        if self._major == 1 and colon:
            return {"Authorization": basic(user, password)}
        return {"Authorization": f"Token {self.target.token}"}

    def _unanswered(self, error: BaseException) -> Answer:
        """Why there is no answer, in words of whoever must do something."""
        url = self.target.url
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            why = getattr(error.certificate_error, "verify_message", "") or error.certificate_error
            words = f"{url}: its certificate is not trusted ({why}); check influx.ca and the host name in influx.url"
            return Answer(UNTRUSTED, words)
        # A server that is being stopped ends the handshake: that is no answer, and no lack of trust.
        ended = isinstance(getattr(error, "os_error", None), ssl.SSLEOFError | ssl.SSLZeroReturnError)
        if isinstance(error, aiohttp.ClientSSLError) and not ended:
            return Answer(UNTRUSTED, f"{url} does not speak TLS ({error}); check http or https in influx.url")
        return Answer(0, f"{url} does not answer: {type(error).__name__} {error}".strip())

    async def _query(self, statements: Sequence[str]) -> list[list[Found]]:
        assert self._session is not None
        try:
            major = await self._server()
            async with self._session.post(
                f"{self._url}/query",
                # In chunks no limit of rows cuts the answer off.
                params=self._database() | {"epoch": "ns", "chunked": "true"},
                data={"q": ";".join(statements)},
                headers=self._authorization(),
                allow_redirects=False,
            ) as response:
                body = await response.read()
                answer = answer_of(response.status, body, response.headers.get("Retry-After"), time.time())
        except _NETWORK as error:
            answer = self._unanswered(error)
            raise UnwrittenError(answer.words, held=answer.status == UNTRUSTED) from error
        if major > 2 and answer.status == 404:
            # 3 makes a database by the first write: before it there is nothing to be found.
            return [[] for _ in statements]
        return _series(answer, body, len(statements))


def _written(status: int) -> Answer:
    return Answer(status, "" if status == 204 else "this is not InfluxDB's answer to a write")


def _series(answer: Answer, body: bytes, statements: int) -> list[list[Found]]:
    """The series of each statement, out of one document or of one a chunk."""
    if answer.status != 200:
        held = answer.status not in {408, 425, 429} and answer.status < 500
        raise UnwrittenError(f"query: HTTP {answer.status} {answer.words}", held=held, retry_after=answer.retry_after)
    try:
        documents = _results.decode_lines(body)
    except msgspec.MsgspecError as error:
        raise UnwrittenError("query: the answer is not InfluxDB's", held=True) from error
    found: list[_Statement] = []
    for document in documents:
        for at, result in enumerate(document.results):
            if words := document.error or result.error:
                raise UnwrittenError(f"query: {words}", held="timeout" not in words)
            number = at if result.statement_id is None else result.statement_id
            if number < len(found):
                _go_on(found[number], result)
            else:
                found.append(result)
        if document.error:
            raise UnwrittenError(f"query: {document.error}", held="timeout" not in document.error)
    if len(found) != statements or any(map(_cut, found)):
        # What is cut off would pass for missing.
        raise UnwrittenError("query: the answer is cut off; check max-row-limit of InfluxDB", held=True)
    return [result.series for result in found]


def _go_on(result: _Statement, more: _Statement) -> None:
    """Add the next chunk of the answer to a statement."""
    result.partial = more.partial
    for one in more.series:
        last = result.series[-1] if result.series else None
        if last is not None and (last.name, last.tags) == (one.name, one.tags):
            last.values += one.values
            last.partial = one.partial
        else:
            result.series.append(one)


def _cut(result: _Statement) -> bool:
    """Whether rows are missing at the end of an answer: a limit of rows lies below the chunk."""
    partial = [one for one in result.series if one.partial]
    if result.partial and not partial:
        partial = result.series[-1:]
        return not partial or len(partial[0].values) <= _CHUNK_ROWS
    return any(len(one.values) <= _CHUNK_ROWS for one in partial)
