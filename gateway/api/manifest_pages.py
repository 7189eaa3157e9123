"""What the pages of manifests ask for: the list with names, one manifest in words, its PDF and its QR code."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request, Response

from custody.manifest import Manifest
from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import Context, context_of
from gateway.api.custody_names import Names
from gateway.api.faults import Reason, RefusedError
from gateway.api.manifest_scope import seen, sees
from gateway.api.pages import language_of
from gateway.api.scope import Scope, among
from gateway.api.session import who
from gateway.api.slips import as_document, link_of, slip
from gateway.printing import qr

router = APIRouter(tags=["page"])
#: Documents beside the pages, at the root as they are.
documents = APIRouter(include_in_schema=False)

_TABLE = state.manifests
_SHOWN = (
    *("id", "state", "consignor", "carrier", "receiver", "vehicle", "opened_at", "departed_at", "received_at"),
    *("confirmed_at", "loaded", "received", "net_g"),
)
Language = Annotated[Literal["zh", "en"] | None, Query(description="Language; the browser's unless given.")]
Name = Annotated[str, Path(max_length=256)]


@router.get("/manifest-board")
def board(
    request: Request,
    caller: Caller,
    *,
    state_: Annotated[str, Query(alias="state", max_length=40, description="Only in this state.")] = "",
    q: Annotated[str, Query(max_length=100, description="Only with these words in number, unit or vehicle.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="Most manifests.")] = 200,
) -> Response:
    """Show the newest manifests with names."""
    context, names = context_of(request), Names(context_of(request))
    where = sa.and_(seen(caller.scope), _narrowed(names, state_, q))
    newest = sa.select(*(_TABLE.c[name] for name in _SHOWN)).where(where).order_by(_TABLE.c.offset.desc()).limit(limit)
    with context.services.engine.connect() as connection:
        rows = connection.execute(newest).mappings().all()
        number = connection.execute(sa.select(sa.func.count()).select_from(_TABLE).where(where)).scalar_one()
    units = ("consignor", "carrier", "receiver")
    items = [{**row, **{f"{part}_name": names.of("units", row[part]) for part in units}} for row in rows]
    document = {"now": context.services.clock.now_ms(), "me": who(caller), "items": items, "number": number}
    return Response(msgspec.json.encode(document), media_type="application/json")


@router.get("/manifest-slip/{id:path}", responses={404: {"model": Reason}})
def in_words(request: Request, caller: Caller, id: Name, lang: Language = None) -> Response:  # noqa: A002 - see the path
    """Show one manifest as it is printed."""
    context = context_of(request)
    found = _found(context, caller.scope, id)
    document: dict[str, Any] = {"now": context.services.clock.now_ms(), "me": who(caller)}
    document["slip"] = as_document(slip(context, caller, found, lang or language_of(request)))
    return Response(msgspec.json.encode(document), media_type="application/json")


@documents.get("/manifests/{id:path}/pdf")
async def on_paper(request: Request, caller: Caller, id: Name, lang: Language = None) -> Response:  # noqa: A002
    """Give the manifest as PDF."""
    context = context_of(request)

    def made() -> bytes:
        from gateway.printing.slip import pdf  # noqa: PLC0415 - a start reads no library of PDF

        return pdf(slip(context, caller, _found(context, caller.scope, id), lang or language_of(request)))

    return as_pdf(await asyncio.to_thread(made), f"manifest-{id}")


@documents.get("/manifests/{id:path}/qr.svg")
def code(request: Request, caller: Caller, id: Name) -> Response:  # noqa: A002 - see the path
    """Give the QR code of a manifest."""
    context = context_of(request)
    _found(context, caller.scope, id)
    return Response(qr.svg(link_of(context, id)), media_type="image/svg+xml")


def as_pdf(content: bytes, name: str) -> Response:
    """A PDF that a browser shows, and saves under ``name``."""
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "-_.") else "_" for one in name)
    return Response(content, 200, {"Content-Disposition": f'inline; filename="{plain[:100]}.pdf"'}, "application/pdf")


def _found(context: Context, scope: Scope, name: str) -> Manifest:
    found = context.services.histories().manifest(name)
    if found is None or not sees(scope, found):
        raise RefusedError(404, f"there is no manifest {name[:100]!r}")
    return found


def _narrowed(names: Names, state_: str, q: str) -> sa.ColumnElement[bool]:
    parts: list[sa.ColumnElement[bool]] = [sa.true()]
    if state_:
        parts.append(_TABLE.c.state == state_)
    for word in q.lower().split():
        text = sa.func.lower(_TABLE.c.id + " " + _TABLE.c.vehicle)
        units = names.matching("units", word)
        named = [among(column, units) for column in (_TABLE.c.consignor, _TABLE.c.carrier, _TABLE.c.receiver)]
        parts.append(sa.or_(sa.func.instr(text, word) > 0, *named))
    return sa.and_(*parts)
