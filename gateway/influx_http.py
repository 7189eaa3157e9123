"""One HTTP request after the other to an InfluxDB of any version, for set-up and checks. The store has its own way.

No redirect is followed and no proxy used: what answers is the server at ``influx.url`` or nobody. Credentials go into
headers only.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec

from gateway.errors import HygeiaError
from gateway.store.influx_write import answer_of

_TIMEOUT_S = 10.0
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


class InfluxError(HygeiaError):
    """InfluxDB cannot be reached, or does not do what it is asked; one line."""


class Version(NamedTuple):
    """What the server calls itself: ``text`` as it said it."""

    major: int
    minor: int
    text: str


class Reply(NamedTuple):
    """An answer; ``version`` is its header ``X-Influxdb-Version``, empty where there is none."""

    status: int
    body: bytes
    version: str

    @property
    def words(self) -> str:
        """What the server says of an error, in one line."""
        return f"HTTP {self.status} {answer_of(self.status, self.body, None, 0).words}".strip()

    def document(self) -> dict[str, Any]:
        """The JSON object of the body; empty where it is none."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return found if isinstance(found, dict) else {}


class InfluxHttp:
    """The server at ``url``; ``ca`` is a file of certificates for https. Nothing is sent before it is asked to."""

    def __init__(self, url: str, ca: Path | str | None = None, timeout: float = _TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self._ca = ca
        self._timeout = timeout

    def send(
        self,
        method: str,
        path: str,
        *,
        authorization: str = "",
        query: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Ask once; at most one of ``json``, ``form`` and ``body``. Raises InfluxError where nobody answers."""
        headers = {"Authorization": authorization} if authorization else {}
        if json is not None:
            body, headers["Content-Type"] = msgspec.json.encode(json), "application/json"
        elif form is not None:
            body, headers["Content-Type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif body is not None:
            headers["Content-Type"] = "text/plain; charset=utf-8"
        target = f"{urlsplit(self.url).path}{path}" + (f"?{urlencode(query)}" if query else "")
        with self._connection() as connection:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(), answer.getheader("X-Influxdb-Version", ""))

    def version(self, authorization: str = "") -> Version:
        """Ask what the server is. Raises InfluxError where it is no InfluxDB."""
        reply = self.send("GET", "/ping", authorization=authorization)
        said = reply.version or str(reply.document().get("version", ""))
        found = _VERSION.match(said)
        if found is None:
            raise InfluxError(f"{self.url} is no InfluxDB: it does not tell its version at /ping ({reply.words})")
        return Version(int(found[1]), int(found[2]), said)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        made: http.client.HTTPConnection | None = None
        try:
            if parts.scheme == "https":
                trust = ssl.create_default_context(cafile=self._ca)
                made = http.client.HTTPSConnection(host, parts.port, timeout=self._timeout, context=trust)
            else:
                made = http.client.HTTPConnection(host, parts.port, timeout=self._timeout)
            yield made
        except ssl.SSLCertVerificationError as error:
            raise InfluxError(
                f"{self.url}: its certificate is not trusted ({error.verify_message}); check influx.ca and influx.url"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            words = str(error) or type(error).__name__
            raise InfluxError(f"{self.url} cannot be reached ({words}); check influx.url") from error
        finally:
            if made is not None:
                made.close()


def basic(user: str, password: str) -> str:
    """The header of a user with a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
