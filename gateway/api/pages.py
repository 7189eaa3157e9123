"""The pages: templates in the reader's language, without any data; their scripts ask the API for everything else."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.api.auth import principal_of
from gateway.api.context import context_of

router = APIRouter(include_in_schema=False)

PAGES = Path(str(files("dashboards") / "pages"))
LANGUAGES = ("zh", "en")
LANGUAGE_COOKIE = "hygeia_lang"

Lang = Annotated[Literal["zh", "en"] | None, Query()]


@router.get("/")
async def live(request: Request, lang: Lang = None) -> Response:
    """Show the live page; beyond loopback without a session it holds nothing but the way to sign in (401)."""
    return await _page(request, "live.html", lang)


@router.get("/alerts")
async def alerts(request: Request, lang: Lang = None) -> Response:
    """Show the list of alerts."""
    return await _page(request, "alerts.html", lang)


@router.get("/alerts/{id}")
async def alert(request: Request, id: str, lang: Lang = None) -> Response:  # noqa: A002, ARG001 - the script reads it
    """Show one alert. The page is the same for each: whether there is such an alert, the API says."""
    return await _page(request, "alert.html", lang)


@router.get("/map")
async def map_(request: Request, lang: Lang = None) -> Response:
    """Show the map of places."""
    return await _page(request, "map.html", lang)


@router.get("/kpi")
async def kpi(request: Request, lang: Lang = None) -> Response:
    """Show the figures of the alert system."""
    return await _page(request, "kpi.html", lang)


@router.get("/custody")
async def custody(request: Request, lang: Lang = None) -> Response:
    """Show the store overview."""
    return await _page(request, "custody.html", lang)


@router.get("/custody/{id:path}")
async def container(request: Request, id: str, lang: Lang = None) -> Response:  # noqa: A002, ARG001 - the script reads it
    """Show the trace of one container; whether there is such a container, the API says."""
    return await _page(request, "container.html", lang)


@router.get("/balance")
async def balance(request: Request, lang: Lang = None) -> Response:
    """Show the balance of a day."""
    return await _page(request, "balance.html", lang)


@router.get("/manifests")
async def manifests(request: Request, lang: Lang = None) -> Response:
    """Show the list of manifests."""
    return await _page(request, "manifests.html", lang)


@router.get("/manifests/{id:path}")
async def manifest(request: Request, id: str, lang: Lang = None) -> Response:  # noqa: A002, ARG001 - likewise
    """Show one manifest, to look at and to print."""
    return await _page(request, "manifest.html", lang)


@router.get("/labels")
async def labels(request: Request, lang: Lang = None) -> Response:
    """Show the ranges of labels and print them."""
    return await _page(request, "labels.html", lang)


@router.get("/scan")
async def scan(request: Request, lang: Lang = None) -> Response:
    """Show the page that records custody events with a phone's camera."""
    return await _page(request, "scan.html", lang)


@router.get("/scan-worker.js")
def scan_worker() -> Response:
    """Serve the worker that keeps the scan page on the phone: from the root, for a worker serves what is below it."""
    return FileResponse(PAGES / "static" / "scan-worker.js", media_type="text/javascript")


async def _page(request: Request, template: str, lang: str | None) -> Response:
    zone = context_of(request).services.settings.time_zone
    shown = await asyncio.to_thread(_rendered, template, lang or language_of(request), zone)
    status = 200 if await principal_of(request) is not None else 401
    return HTMLResponse(shown, status, {"Vary": "Accept-Language, Cookie"})


def render(template: str, language: str, zone: str, **more: Any) -> str:  # noqa: ANN401 - what a template takes
    """A page in one language; everything in ``more`` is escaped. Reads files at its first call: call it in a thread."""
    shown: str = (
        _environment().get_template(template).render(texts=texts(language), lang=language, time_zone=zone, **more)
    )
    return shown


_rendered = cache(render)


@cache
def texts(language: str) -> dict[str, Any]:
    """The words of the pages in one language, by key."""
    found: dict[str, Any] = json.loads((PAGES / "static" / f"{language}.json").read_text(encoding="utf-8"))
    return found


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "ensure_ascii": False}
    return environment


def language_of(request: Request) -> str:
    """The language that the reader chose, else the one that the browser asks for first, else Chinese."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    best, weight = "zh", 0.0
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, parameters = part.strip().partition(";")
        name = tag.partition("-")[0].lower()
        given = parameters.replace(" ", "").removeprefix("q=") or "1"
        quality = float(given) if given.replace(".", "", 1).isdigit() else 0.0
        if name in LANGUAGES and quality > weight:
            best, weight = name, quality
    return best
