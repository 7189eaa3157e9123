"""Evidence of a container, an alert or a day, sealed in one file (docs/evidence.md)."""

from __future__ import annotations

import datetime as dt
import re
from functools import partial
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request, Response

from gateway import state
from gateway.api.auth import Caller
from gateway.api.context import Context, context_of
from gateway.api.custody_scope import sees
from gateway.api.epcis import base_of
from gateway.api.faults import Reason, RefusedError, wrong
from gateway.api.metrics import VERSION
from gateway.api.scope import condition
from gateway.errors import StartError
from gateway.evidence import Evidence, NoEvidenceError, Sources
from gateway.installation import Installation

log = structlog.get_logger(__name__)

router = APIRouter(tags=["custody"])

MEDIA_TYPE = "application/zip"
_ALLOWED = "container:ID, alert:ID or day:YYYY-MM-DD"
_SAFE = re.compile(r"[^A-Za-z0-9._-]+")


@router.get(
    "/evidence",
    responses={200: {"content": {MEDIA_TYPE: {}}}, 403: {"model": Reason}, 404: {"model": Reason}},
    response_class=Response,
)
def evidence(
    request: Request,
    caller: Caller,
    of: Annotated[str, Query(min_length=3, max_length=300, description=f"What of: {_ALLOWED}.")],
) -> Response:
    """Return a sealed bundle that anybody can check without Hygeia; a day needs an account that sees everything."""
    context = context_of(request)
    kind, _, name = of.partition(":")
    made, now, scope = Evidence(_sources(context)), context.services.clock.now_ms(), caller.scope
    registry = context.services.registry()
    try:
        if kind == "container" and name:
            found = made.container(name, now, lambda one: sees(scope, one, registry), whole=scope.everything)
        elif kind == "alert" and name:
            found = made.alert(name, now, condition(scope, state.alerts.c.unit, state.alerts.c.grid))
        elif kind == "day":
            day = _day(of, name)
            if not scope.everything:
                raise RefusedError(403, "a day holds what others sent; ask for containers and alerts of your own")
            found = made.day(day, now)
        else:
            raise wrong("of", of, _ALLOWED)
    except NoEvidenceError as error:
        raise RefusedError(error.status, str(error)) from None
    except StartError as error:
        # It names a file of the gateway's machine.
        log.warning("evidence_unsealed", error=str(error))
        raise RefusedError(503, "the ledger's key cannot be read: the gateway's log says more") from None
    file = _SAFE.sub("-", of.encode("ascii", "replace").decode())
    return Response(found, media_type=MEDIA_TYPE, headers={"Content-Disposition": f'attachment; filename="{file}.zip"'})


def _sources(context: Context) -> Sources:
    services = context.services
    settings = services.settings
    return Sources(
        engine=services.engine,
        registry=services.registry(),
        profiles=services.profiles,
        zone=settings.zone,
        key=partial(Installation(settings.data.dir).ledger_key, settings.ledger.key_file),
        base=base_of(settings),
        version=VERSION,
        cover=services.cover,
    )


def _day(of: str, name: str) -> dt.date:
    try:
        return dt.datetime.strptime(name, "%Y-%m-%d").date()  # noqa: DTZ007 - a day of the installation's zone
    except ValueError:
        raise wrong("of", of, _ALLOWED) from None
