"""The page at ``/``: one template in the reader's language; its script asks the API for everything else."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.api.auth import principal_of
from gateway.api.context import context_of

router = APIRouter(include_in_schema=False)

PAGES = Path(str(files("dashboards") / "pages"))
LANGUAGES = ("zh", "en")
LANGUAGE_COOKIE = "hygeia_lang"


@router.get("/")
async def page(
    request: Request,
    lang: Annotated[Literal["zh", "en"] | None, Query()] = None,
) -> Response:
    """Show the live page; beyond loopback without a session it holds nothing but the way to sign in (401)."""
    language = lang or _language(request)
    zone = context_of(request).services.settings.time_zone
    shown = await asyncio.to_thread(_rendered, language, zone)
    status = 200 if await principal_of(request) is not None else 401
    return HTMLResponse(shown, status, {"Vary": "Accept-Language, Cookie"})


@cache
def _rendered(language: str, zone: str) -> str:
    shown: str = _template().render(texts=texts(language), lang=language, time_zone=zone)
    return shown


@cache
def texts(language: str) -> dict[str, Any]:
    """The words of the page in one language, by key."""
    found: dict[str, Any] = json.loads((PAGES / "static" / f"{language}.json").read_text(encoding="utf-8"))
    return found


@cache
def _template() -> Any:  # noqa: ANN401 - jinja2.Template
    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "ensure_ascii": False}
    return environment.get_template("live.html")


def _language(request: Request) -> str:
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
