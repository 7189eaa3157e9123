"""Ranges of label numbers that units were given, and the sheets that are printed of them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from gateway.api.auth import AnyCaller, Caller, require
from gateway.api.context import Context, context_of
from gateway.api.custody_names import Names
from gateway.api.faults import Reason, RefusedError, wrong
from gateway.api.manifest_pages import Language, as_pdf
from gateway.api.pages import language_of, texts
from gateway.printing.content import LAYOUTS, Words

router = APIRouter(tags=["page"])
documents = APIRouter(include_in_schema=False)

#: A hundred sheets of the smallest labels.
MOST = 2400
_LARGEST = 10**18
Layout = Literal["3x8", "2x7", "2x4", "1x4"]


@router.get("/label-ranges")
def ranges(request: Request, caller: Caller) -> dict[str, Any]:
    """List the ranges of the units that the caller sees, by unit and first number."""
    context, names = context_of(request), Names(context_of(request))
    registry, where = context.services.registry(), context.whereabouts()
    found = [registry.get("labels", name) or {} for name in registry.ids("labels")]
    items = [
        {name: one.get(name) for name in ("id", "unit", "prefix", "first", "last", "digits")}
        | {"unit_name": names.of("units", one.get("unit", ""))}
        for one in found
        if where.sees_unit(caller.scope, one.get("unit", ""))
    ]
    return {"items": sorted(items, key=lambda one: (one["unit"], one["prefix"], one["first"])), "next": None}


@documents.get("/labels/{id}/pdf", responses={404: {"model": Reason}})
async def on_paper(
    request: Request,
    caller: AnyCaller,
    id: Annotated[str, Path(max_length=256)],  # noqa: A002 - the name in the path
    *,
    first: Annotated[int, Query(ge=0, le=_LARGEST, description="First number.")],
    last: Annotated[int, Query(ge=0, le=_LARGEST, description="Last number.")],
    layout: Annotated[Layout, Query(description="Labels on a sheet.")] = "3x8",
    skip: Annotated[int, Query(ge=0, le=23, description="Labels of the first sheet that were used.")] = 0,
    lang: Language = None,
) -> Response:
    """Give labels of a registered range as PDF; only to who may manage, for a label is as good as a container."""
    require(caller, "manage")
    context = context_of(request)
    body = context.services.registry().get("labels", id)
    if body is None or not context.whereabouts().sees_unit(caller.scope, body["unit"]):
        raise RefusedError(404, f"there is no range of labels {id[:100]!r}")
    allowed = f"a number of the range, {body['first']} to {body['last']}"
    if not body["first"] <= first <= body["last"]:
        raise wrong("first", first, allowed)
    if not first <= last <= body["last"]:
        raise wrong("last", last, f"{allowed}, not below first")
    if last - first >= MOST:
        raise wrong("last", last, f"at most {MOST} labels at once, so up to {first + MOST - 1}")
    numbers = [f"{body['prefix']}{number:0{body['digits']}d}" for number in range(first, last + 1)]
    words = _words(context, body["unit"], lang or language_of(request))

    def made() -> bytes:
        from gateway.printing.labels import sheet  # noqa: PLC0415 - a start reads no library of PDF

        return sheet(numbers, words, LAYOUTS[layout], skip)

    return as_pdf(await asyncio.to_thread(made), f"labels-{numbers[0]}-{numbers[-1]}")


def _words(context: Context, unit: str, language: str) -> Words:
    printed, custody = texts(language)["print"], texts(language)["custody"]
    name = Names(context).of("units", unit)
    if isinstance(name, dict):
        name = name.get(language) or name.get("zh") or name.get("en") or unit
    return Words(
        mark=printed["mark"],
        other_mark="MEDICAL WASTE",
        unit=str(name),
        categories=[words for category, words in custody["categories"].items() if category],
        department=printed["department"],
        date=printed["label_date"],
    )
