"""One notice of the outbox and what became of it, as of a test of a channel."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import context_of
from gateway.api.faults import RefusedError
from gateway.errors import RecordGoneError
from gateway.installation import Installation
from gateway.journal.reader import Reader
from gateway.journal.record import Kind

router = APIRouter(tags=["alerts"])

Number = Annotated[int, Path(ge=0, lt=2**63)]


class NoticeShape(BaseModel):
    """A notice: `state` is waiting, delivered, refused or dead; `words` are the receiver's last ones.

    `next_at` is when a try that failed comes again, 0 where none failed yet or it is settled.
    """

    offset: int
    n: int
    channel: str
    person: str
    event: str
    created_at: int
    state: str
    tries: int
    next_at: int
    words: str


@router.get("/notices/{offset}/{n}", response_model=NoticeShape)
def notice(request: Request, caller: Caller, offset: Number, n: Number) -> dict[str, Any]:
    """Show one notice by its place in the outbox. Only for who may see everything."""
    context = context_of(request)
    row, tried = state.outbox.c, state.attempts.c
    query = (
        sa.select(
            *(row.offset, row.n, row.channel, row.person, row.event, row.created_at, row.settled_by),
            row.state_now.label("state"),
            sa.func.coalesce(tried.tries, 0).label("tries"),
            sa.func.coalesce(tried.next_at, 0).label("next_at"),
            sa.func.coalesce(tried.last_error, "").label("words"),
        )
        .outerjoin(state.attempts, sa.and_(row.offset == tried.offset, row.n == tried.n))
        .where(row.offset == offset, row.n == n)
    )
    with context.services.engine.connect() as connection:
        found = connection.execute(query).mappings().one_or_none()
    if found is None or not caller.scope.everything:
        raise RefusedError(404, f"there is no notice {offset}/{n}")
    document = dict(found)
    settled = document.pop("settled_by")
    if settled is not None:
        document |= _outcome(Installation(context.services.settings.data.dir), settled)
    return document


class _Delivery(msgspec.Struct):
    """What is read of a DELIVERY record."""

    words: str = ""
    tries: int = 0


def _outcome(installation: Installation, offset: int) -> dict[str, Any]:
    """The words of a delivery, as long as its record is kept; ``attempts`` may be behind it."""
    try:
        records = Reader(installation.journal).read(offset, end=offset)
    except RecordGoneError:
        return {}
    if not records or records[0].kind != Kind.DELIVERY:
        return {}
    return msgspec.to_builtins(msgspec.json.decode(records[0].body, type=_Delivery))  # type: ignore[no-any-return]
