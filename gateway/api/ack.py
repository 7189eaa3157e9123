"""The acknowledge link of a message to a person: ``/ack/TOKEN`` shows the alert and a button, which acknowledges once.

The only thing beyond health that works without signing in also beyond loopback: whoever has the message may say that
it arrived, and sees no more than the message said. Looking changes nothing, so programs that open links to show a
preview do no harm. The form posts to its own address: a page from elsewhere would have to know the token.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from alerts.notify import Told
from alerts.notify.standing import AlertTold
from alerts.notify.text import bad_value
from devices.parameters import CATALOGUE
from gateway import links, state
from gateway.api.broken import with_broken
from gateway.api.context import Context, context_of
from gateway.api.pages import language_of, render
from gateway.api.times import print_time

router = APIRouter(include_in_schema=False)

#: A link holds this long after its message was written.
VALID_MS = 24 * 3600 * 1000

Problem = Literal["unknown", "slow", "used", "expired", "many", "nobody", "acknowledged", "over", "refused", "waiting"]
_STATUS: dict[Problem | None, int] = {
    None: 200,
    "waiting": 202,
    "unknown": 404,
    "nobody": 409,
    "many": 409,
    "acknowledged": 409,
    "over": 409,
    "refused": 409,
    "used": 410,
    "expired": 410,
    "slow": 429,
}
#: ``no-referrer`` would turn the Origin of the form into ``null``; nothing on the page leads elsewhere.
_HEADERS = {"Referrer-Policy": "same-origin", "Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
#: The throttle's name for those who try tokens; no account has a space in its name.
_GUESSER = "ack link"


class Found(msgspec.Struct, frozen=True):
    """What a token leads to: whose link, about which alert, and why it cannot be used, if so."""

    place: tuple[int, int]
    person: str
    alert: dict[str, Any] | None
    problem: Problem | None


@router.api_route("/ack/{token}", methods=["GET", "HEAD"])
def look(request: Request, token: str) -> Response:
    """Show what the link is about; changes nothing."""
    context = context_of(request)
    place, wait = _parse(context, request, token)
    if place is None:
        return _page(request, context, problem="slow" if wait else "unknown", wait=wait)
    found = _found(context, place)
    return _page(request, context, problem=found.problem, alert=found.alert)


@router.post("/ack/{token}")
async def acknowledge(request: Request, token: str) -> Response:
    """Acknowledge as the person that the message went to."""
    context = context_of(request)
    place, wait = await asyncio.to_thread(_parse, context, request, token)
    if place is None:
        problem: Problem = "slow" if wait else "unknown"
        return await asyncio.to_thread(_page, request, context, problem=problem, wait=wait)
    found = await asyncio.to_thread(_found, context, place)
    if found.problem is not None or found.alert is None:
        return await asyncio.to_thread(_page, request, context, problem=found.problem, alert=found.alert)
    args = {"id": found.alert["id"], "by": f"person:{found.person}", "link": list(found.place)}
    answer = await context.services.command("alerts.ack", args, f"person:{found.person}")
    if answer.status == 200:
        return await asyncio.to_thread(_page, request, context, alert=found.alert, done=True)
    if answer.status == 202:
        return await asyncio.to_thread(_page, request, context, problem="waiting", alert=found.alert)
    # Somebody else may have been faster: then the state says so, else the reason is the command's own.
    again = await asyncio.to_thread(_found, context, place)
    words = str(answer.body.get("reason", ""))
    return await asyncio.to_thread(
        _page, request, context, problem=again.problem or "refused", alert=found.alert, words=words
    )


def _parse(context: Context, request: Request, token: str) -> tuple[tuple[int, int] | None, int]:
    """The row that a token names, else the seconds that this address has to wait after many that name none.

    A token that is right is never slowed down by the tries of others: nobody finds one by trying.
    """
    place = links.parse(context.services.link_key, token)
    if place is not None:
        return place, 0
    address = request.client.host if request.client else ""
    now = context.wall.monotonic()
    with context.throttle_lock:
        wait = context.link_throttle.wait(_GUESSER, address, now)
        if wait <= 0:
            context.link_throttle.failed(_GUESSER, address, now)
    return None, int(wait) + 1 if wait > 0 else 0


def _found(context: Context, place: tuple[int, int]) -> Found:
    outbox, used, alerts = state.outbox, state.links, state.alerts
    statement = (
        sa.select(outbox.c.person, outbox.c.body, outbox.c.created_at, used.c.used_by)
        .join(used, (used.c.offset == outbox.c.offset) & (used.c.n == outbox.c.n), isouter=True)
        .where(outbox.c.offset == place[0], outbox.c.n == place[1])
    )
    with context.services.engine.connect() as connection:
        row = connection.execute(statement).mappings().first()
        if row is None:
            return Found(place, "", None, "unknown")
        content = msgspec.json.decode(row["body"])
        if isinstance(content, list) and len(content) == 1:
            content = content[0]
        single = isinstance(content, dict)
        name = content.get("id") if single else None
        alert = connection.execute(sa.select(alerts).where(alerts.c.id == name)).mappings().first()
        shown = None if alert is None else dict(alert)
        with_broken(connection, [] if shown is None else [shown])
    problem: Problem | None = None
    if row["used_by"] is not None:
        problem = "used"
    elif context.services.clock.now_ms() >= row["created_at"] + VALID_MS:
        problem = "expired"
    elif not single:
        problem = "many"
    elif not row["person"]:
        problem = "nobody"
    elif alert is None:
        problem = "unknown"
    else:
        problem = _problem_of(alert)
    return Found(place, row["person"], shown, problem)


def _problem_of(alert: sa.RowMapping) -> Problem | None:
    if alert["state"] == "closed":
        return "over"
    return "acknowledged" if alert["acknowledged_by"] is not None or alert["state"] == "acknowledged" else None


def _page(
    request: Request,
    context: Context,
    *,
    problem: Problem | None = None,
    alert: dict[str, Any] | None = None,
    done: bool = False,
    words: str = "",
    wait: int = 0,
) -> Response:
    """The page in the reader's language. Of an alert: place, value with limit, since when; nothing else."""
    language = language_of(request)
    settings = context.services.settings
    shown = None if alert is None or problem in {"used", "expired"} else _shown(context, alert, language)
    html = render("ack.html", language, settings.time_zone, problem=problem, alert=shown, done=done, words=words)
    headers = {**_HEADERS, "Vary": "Accept-Language, Cookie"} | ({"Retry-After": str(wait)} if wait else {})
    return HTMLResponse(html, _STATUS[problem], headers)


def _shown(context: Context, alert: dict[str, Any], language: str) -> dict[str, str]:
    place = (context.services.registry().get("places", alert["place"]) or {}).get("name") or alert["place"]
    if isinstance(place, dict):
        place = place.get(language) or place.get("zh") or place.get("en") or alert["place"]
    known = CATALOGUE.get(alert["parameter"])
    name = alert["parameter"] if known is None else known.title_zh if language == "zh" else known.title_en
    # As it was when it fired: of one that is over the row has the value that ended it.
    bad = AlertTold(
        parameter=alert["parameter"],
        value=alert["bad_value"],
        limit_value=alert["limit_value"],
        parameter_unit=alert["parameter_unit"],
    )
    side = {"high": "above", "low": "below"}.get(alert["side"], "")
    value = bad_value(bad, Told(kind=alert["kind"] or "", side=side), language)
    since = print_time(alert["since"], context.services.settings.zone)
    return {
        "place": str(place or alert["device"]),
        "parameter": name,
        "value": value,
        "since": f"{since[:10]} {since[11:19]}",
        "severity": alert["severity"],
        "rule": alert["rule"],
    }
