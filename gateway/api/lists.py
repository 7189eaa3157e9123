"""What all lists have in common: their query, their cursor, and their answer as JSON or CSV."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from fastapi import Depends, Query, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryField

from gateway.api.context import context_of
from gateway.api.faults import Fault, RefusedError, wrong
from gateway.api.times import ALLOWED, LAST_MS, parse_time, print_time

DEFAULT_LIMIT = 100
LARGEST_LIMIT = 10_000
LARGEST_OFFSET = 2**63 - 1

T = TypeVar("T")


class ListQuery(msgspec.Struct, frozen=True):
    """What every list takes. ``start`` <= time < ``end`` in ms since 1970 UTC."""

    limit: int
    after: str | None
    start: int
    end: int
    device: str | None
    place: str | None
    as_csv: bool
    descending: bool
    zone: tzinfo

    @property
    def bounded(self) -> bool:
        """Whether ``from`` or ``to`` was given."""
        return self.start > 0 or self.end < LAST_MS


async def list_query(
    request: Request,
    *,
    limit: Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="Most items in one answer.")] = DEFAULT_LIMIT,
    after: Annotated[str | None, Query(max_length=400, description="`next` of the answer before.")] = None,
    from_: Annotated[str | None, Query(alias="from", description=f"First time: {ALLOWED}.")] = None,
    to: Annotated[str | None, Query(description="End, not included; as `from`.")] = None,
    device: Annotated[str | None, Query(description="Only of this device.")] = None,
    place: Annotated[str | None, Query(description="Only of this place and those below it.")] = None,
    format: Annotated[  # noqa: A002 - the name in the query
        Literal["json", "csv"], Query(description="`csv` prints times as ISO 8601; `next` is the header X-Next.")
    ] = "json",
    order: Annotated[Literal["asc", "desc"], Query(description="`desc` begins with the newest.")] = "asc",
) -> ListQuery:
    """Dependency of every list. Raises 422 naming field, value and what is allowed."""
    zone = await context_of(request).zone()
    start = _time("from", from_, zone, 0)
    end = _time("to", to, zone, LAST_MS)
    if start > end:
        raise wrong("from", from_, "a time that is not after `to`")
    return ListQuery(limit, after, start, end, device, place, format == "csv", order == "desc", zone)


Listed = Annotated[ListQuery, Depends(list_query)]


def _time(field: str, text: str | None, zone: tzinfo, default: int) -> int:
    if text is None:
        return default
    try:
        return parse_time(text, zone)
    except ValueError:
        raise wrong(field, text, ALLOWED) from None


async def known_parameters(request: Request) -> None:
    """Dependency of every route: a misspelt parameter must not silently widen what is asked for."""
    fields = get_flat_params(request.scope["route"].dependant)
    taken = {field.alias for field in fields if isinstance(field.field_info, QueryField)}
    strange = [name for name in request.query_params if name not in taken]
    if strange:
        allowed = ", ".join(sorted(taken)) or "none"
        faults = [
            Fault(field=name, value=request.query_params[name][:200], allowed=f"one of: {allowed}") for name in strange
        ]
        raise RefusedError(422, f"unknown parameter {', '.join(strange)}; allowed: {allowed}", faults)


def decode_cursor(text: str | None, shape: Callable[[Any], T]) -> T | None:
    """The cursor that ``encode_cursor`` made; ``shape`` checks it. Raises 422 for anything else."""
    if text is None:
        return None
    try:
        return shape(json.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise wrong("after", text, "`next` of an answer of this list") from None


def encode_cursor(parts: Sequence[Any]) -> str:
    """An opaque text for ``after``."""
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


def offset_cursor(query: ListQuery) -> int | None:
    """The cursor of lists in the order of the journal: the last offset that was seen. Raises 422."""
    if query.after is None:
        return None
    if not (query.after.isascii() and query.after.isdigit() and int(query.after) <= LARGEST_OFFSET):
        raise wrong("after", query.after, "`next` of an answer of this list")
    return int(query.after)


def answer(
    items: Iterable[Mapping[str, Any]],
    next_: str | int | None,
    query: ListQuery,
    columns: Sequence[str],
    times: Sequence[str] = (),
) -> Response:
    """The answer of a list. ``columns`` are those of the CSV, ``times`` the ones among them that hold ms."""
    if not query.as_csv:
        return Response(msgspec.json.encode({"items": list(items), "next": next_}), media_type="application/json")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for item in items:
        writer.writerow([_cell(item.get(name), query.zone if name in times else None) for name in columns])
    headers = {"X-Next": str(next_)} if next_ is not None else {}
    return Response(text.getvalue(), 200, headers, "text/csv; charset=utf-8")


def _cell(value: object, zone: tzinfo | None) -> object:
    if value is None:
        return ""
    if zone is not None and isinstance(value, int):
        return print_time(value, zone)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    if isinstance(value, str):
        return _harmless(value)
    return value


def _harmless(text: str) -> str:
    """A spreadsheet runs a cell that begins like a formula: such a text gets an apostrophe in front."""
    formula = text[:1] in {"=", "+", "@", "\t", "\r"} or (text[:1] == "-" and len(text) > 1)
    return f"'{text}" if formula else text
