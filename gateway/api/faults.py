"""What a caller is told when something is wrong: one line, and each fault with field, value and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from gateway.store.base import RetryError

log = structlog.get_logger(__name__)

#: Values of these fields never appear in an answer.
SECRET_FIELDS = frozenset({"password", "old", "new", "token"})
_SHOWN = 200
SHA256 = "^[0-9a-f]{64}$"
TOKEN_ID = "^[0-9a-f]{12}$"  # noqa: S105 - the form of an id, no secret
COMMAND = r"^[a-z_]{1,40}\.[a-z_-]{1,40}$"
#: What a pattern means to a person; every pattern of a route or shape stands here.
PATTERNS = {
    SHA256: "a SHA-256: 64 hex digits in lower case",
    TOKEN_ID: "the id of a token: 12 hex digits in lower case",
    COMMAND: "the name of a command, such as alerts.ack: section, dot, word, in lower case",
}


class Fault(BaseModel):
    """One wrong value."""

    field: str
    value: str
    allowed: str


class Reason(BaseModel):
    """The body of every answer that is no success."""

    reason: str
    faults: list[Fault] = []


class RefusedError(Exception):
    """The call is not carried out. ``status`` is the HTTP status, ``reason`` one line that says what to do."""

    def __init__(
        self,
        status: int,
        reason: str,
        faults: list[Fault] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.faults = faults or []
        self.headers = dict(headers or {})


def wrong(field: str, value: object, allowed: str) -> RefusedError:
    """The answer 422 for one wrong value."""
    fault = _fault(field, value, allowed)
    return RefusedError(422, _line(fault), [fault])


def reply(
    status: int, reason: str, faults: list[Fault] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """An answer in the shape of ``Reason``."""
    body = {"reason": reason, "faults": [fault.model_dump() for fault in faults or []]}
    return Response(msgspec.json.encode(body), status, headers, "application/json")


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` in this shape; nothing of the gateway's inside is told."""

    @app.exception_handler(RefusedError)
    async def refused(_request: Request, error: RefusedError) -> Response:
        return reply(error.status, error.reason, error.faults, error.headers)

    @app.exception_handler(HTTPException)
    async def plain(_request: Request, error: HTTPException) -> Response:
        return reply(error.status_code, str(error.detail), headers=dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        faults = [_from_pydantic(one) for one in error.errors()]
        return reply(422, "; ".join(_line(one) for one in faults), faults)

    @app.exception_handler(RetryError)
    async def busy(_request: Request, error: RetryError) -> Response:
        return reply(
            503, f"the store cannot be read now: {error}", headers={"Retry-After": str(max(1, round(error.after)))}
        )

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        # The server logs the traceback; values of a request do not belong into a log.
        log.error("http_failed", method=request.method, path=request.url.path, error=type(error).__name__)
        return reply(500, "this is a fault of Hygeia; its log says more")


def _from_pydantic(error: Mapping[str, Any]) -> Fault:
    place = [str(part) for part in error["loc"]]
    field = ".".join(place[1:]) or place[0]
    if error["type"] == "json_invalid":
        return Fault(field="body", value="", allowed="a JSON document")
    if error["type"] == "missing":
        return _fault(field, "", "a value: it is missing")
    if error["type"] == "string_pattern_mismatch":
        return _fault(field, error.get("input", ""), PATTERNS.get(str(error["ctx"]["pattern"]), "another form"))
    words = str(error["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return _fault(field, error.get("input", ""), words)


def _line(fault: Fault) -> str:
    """Field, value and what is allowed in one line."""
    value = f"{fault.value!r} is not allowed; allowed: " if fault.value else ""
    return f"{fault.field}: {value}{fault.allowed}"


def _fault(field: str, value: object, allowed: str) -> Fault:
    return Fault(field=field, value=_shown(field, value), allowed=allowed)


def _shown(field: str, value: object) -> str:
    if field.rpartition(".")[2] in SECRET_FIELDS:
        return "(not shown)"
    text = value if isinstance(value, str) else type(value).__name__ if isinstance(value, dict | list) else str(value)
    # Lone surrogates cannot be written as UTF-8.
    return text[:_SHOWN].encode("utf-8", "replace").decode()
