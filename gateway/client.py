"""How a command reaches an installation (DESIGN 2, "Processes").

While a gateway runs, commands speak HTTP with the token of ``runtime.json``. Else the command takes the lock itself and
asks the same API inside its own process, so both ways give the same answers.
"""

from __future__ import annotations

import hashlib
import http.client
import mimetypes
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from gateway.config import Settings
from gateway.errors import HygeiaError, InstallationLockedError, StartError, UsageError
from gateway.installation import Installation, Runtime

API = "/api/v1"
JSON = "application/json"
#: Another command may hold the folder for a moment, and a gateway that starts or stops has no runtime.json.
PATIENCE_S = 20.0
ANSWER_S = 60.0
PAGE = 1000


class RefusedError(HygeiaError):
    """The gateway refused: ``reason`` in its own words; ``faults`` are single lines where there are several."""

    def __init__(self, reason: str, faults: list[str], *, wrong: bool) -> None:
        super().__init__(reason)
        self.faults = faults
        self.exit_code = 2 if wrong else 1


class UndecidedError(HygeiaError):
    """The command is in the journal, so it will be carried out; decide has not come to it yet."""


class Reply(NamedTuple):
    """What came back of one call."""

    status: int
    location: str
    body: bytes


class Transport(Protocol):
    """Carries one call to the API and back."""

    def __call__(self, method: str, path: str, body: bytes | None = None, kind: str = JSON) -> Reply:
        """Call ``path`` (with its query); ``kind`` is that of the body. Raises StartError where nobody answers."""
        ...


class Door:
    """What commands ask of an installation, running or not."""

    def __init__(self, transport: Transport) -> None:
        self._call = transport

    def get(self, *parts: str, **query: Any) -> dict[str, Any]:  # noqa: ANN401 - any plain value
        """Return one document below the API. Raises RefusedError, also where it does not exist."""
        path = "/".join([API, *(quote(part, safe="") for part in parts)])
        asked = {name.rstrip("_"): value for name, value in query.items() if value is not None}
        return self._decode(self._call("GET", f"{path}?{urlencode(asked)}" if asked else path))

    def download(self, *parts: str, **query: str) -> bytes:
        """Return a file below the API as it is. Raises RefusedError, also where it does not exist."""
        path = "/".join([API, *(quote(part, safe="") for part in parts)])
        reply = self._call("GET", f"{path}?{urlencode(query)}")
        if reply.status != http.HTTPStatus.OK:
            self._decode(reply)
        return reply.body

    def items(self, *parts: str, **query: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any plain value
        """Return all items of a list, however many pages it has."""
        found: list[dict[str, Any]] = []
        after: Any = None
        while True:
            page = self.get(*parts, **query, limit=PAGE, after=after)
            found += page["items"]
            after = page["next"]
            if after is None:
                return found

    def command(self, name: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a command and wait until it is decided. Raises RefusedError with the reason, UndecidedError."""
        reply = self._call("POST", f"{API}/commands", msgspec.json.encode({"command": name, "args": args}))
        deadline = time.monotonic() + ANSWER_S
        while reply.status == http.HTTPStatus.ACCEPTED and time.monotonic() < deadline:
            time.sleep(0.1)
            reply = self._call("GET", reply.location)
        if reply.status == http.HTTPStatus.ACCEPTED:
            raise UndecidedError(f"{name} is written but not decided yet; look again later: {reply.location}")
        return self._decode(reply)

    def put(self, *parts: str, body: bytes) -> dict[str, Any]:
        """Hand a document in below the API. Raises RefusedError."""
        path = "/".join([API, *(quote(part, safe="") for part in parts)])
        return self._decode(self._call("PUT", path, body))

    def put_file(self, path: Path) -> str:
        """Hand in the file at ``path`` and return its SHA-256. Raises UsageError, RefusedError."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}; allowed: a file that this user may read") from error
        name = hashlib.sha256(content).hexdigest()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        self._decode(self._call("PUT", f"{API}/files/{name}", content, kind))
        return name

    def report(self) -> dict[str, Any]:
        """Return the counters of DESIGN 4.3."""
        return self.get("report")

    @staticmethod
    def _decode(reply: Reply) -> dict[str, Any]:
        try:
            document = msgspec.json.decode(reply.body)
        except msgspec.DecodeError:
            document = {"reason": f"status {reply.status} without a JSON document"}
        if reply.status == http.HTTPStatus.OK:
            return dict(document)
        reason = str(document.get("reason", f"status {reply.status}"))
        faults = [_line(fault) for fault in document.get("faults", [])]
        raise RefusedError(reason, faults, wrong=reply.status in {404, 422})


def _line(fault: object) -> str:
    if isinstance(fault, Mapping) and {"field", "value", "allowed"} <= fault.keys():
        return f"{fault['field']} = {fault['value']!r}: allowed: {fault['allowed']}"
    return str(fault)


class HttpTransport:
    """Calls a gateway on this machine. No proxy of the environment is used for it."""

    def __init__(self, runtime: Runtime, patience_s: float = ANSWER_S) -> None:
        self._runtime, self._patience_s = runtime, patience_s

    def __call__(self, method: str, path: str, body: bytes | None = None, kind: str = JSON) -> Reply:
        """See ``Transport``."""
        parts = urlsplit(self._runtime.address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self._patience_s)
        headers = {"Authorization": f"Bearer {self._runtime.token}", "Content-Type": kind}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers.get("Location", ""), answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise StartError(
                f"the gateway (process {self._runtime.pid}) does not answer at {self._runtime.address}: {error}"
            ) from error
        finally:
            connection.close()


@contextmanager
def open_door(settings: Settings, *, create: bool = False, patience: float = PATIENCE_S) -> Iterator[Door]:
    """Reach the installation of ``settings``: by HTTP while its gateway runs, else by doing its work here.

    With ``create`` an empty or absent folder becomes an installation, as with ``hygeia run``.

    Raises:
        UsageError: there is no installation in the folder.
        InstallationLockedError: another process holds the folder and does not say how to reach it.
    """
    installation = Installation(settings.data.dir)
    if not create:
        require(installation)
    deadline = time.monotonic() + patience
    while True:
        runtime = installation.read_runtime()
        if runtime is not None and installation.locked():
            yield Door(HttpTransport(runtime))
            return
        try:
            offline = _offline(settings)
        except InstallationLockedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
            continue
        with offline as transport:
            yield Door(transport)
        return


def require(installation: Installation) -> None:
    """Raise UsageError where the folder holds no installation; nothing is made."""
    if not installation.state.exists() and not installation.settings_file.exists():
        raise UsageError(
            f"{installation.folder}: no installation here; make one with: hygeia init --data-dir {installation.folder}"
        )


def _offline(settings: Settings) -> Any:  # noqa: ANN401 - the class is only known there
    # The whole gateway is loaded only where it is needed: a command over HTTP starts three times as fast without.
    import structlog  # noqa: PLC0415 - see above

    from gateway.inprocess import InProcess  # noqa: PLC0415 - see above
    from gateway.log import configure  # noqa: PLC0415 - see above

    if not structlog.is_configured():
        # Unconfigured, structlog writes to standard output, which belongs to the command's answer.
        configure("warning")
    return InProcess(settings)
