"""The documentation of the API: OpenAPI, and Swagger UI from the wheel ``swagger-ui-bundle``, nothing from outside.

That wheel holds Swagger UI 4, which reads OpenAPI 3.0 only; FastAPI writes 3.1. The few differences that FastAPI's
documents have are written the way of 3.0 here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import swagger_ui_bundle
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from gateway.api.auth import AnyCaller

router = APIRouter(include_in_schema=False)

OPENAPI = "3.0.3"
_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
#: Swagger UI writes style attributes; everything else stays as strict as on the pages.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Hygeia API</title>
<link rel="icon" href="/docs/swagger/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger/swagger-ui-bundle.js"></script>
<script src="/static/docs.js"></script>
</body>
</html>
"""


@router.get("/docs")
def docs(_caller: AnyCaller) -> Response:
    """Show Swagger UI."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/openapi.json")
def openapi(request: Request, _caller: AnyCaller) -> Response:
    """Show the OpenAPI document."""
    return JSONResponse(request.app.openapi())


def install(app: FastAPI) -> None:
    """Serve Swagger UI's files and describe ``app`` in OpenAPI 3.0."""
    app.mount("/docs/swagger", _OnlyFiles(directory=Path(swagger_ui_bundle.swagger_ui_path), check_dir=False))
    made: dict[str, Any] = {}

    def described() -> dict[str, Any]:
        if not made:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                openapi_version=OPENAPI,
            )
            document["components"]["securitySchemes"] = {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "hygeia_session"},
            }
            document["security"] = [{}, {"token": []}, {"session": []}]
            made.update(as_openapi_30(document))
        return made

    app.openapi = described  # type: ignore[method-assign]


class _OnlyFiles(StaticFiles):
    """Those files of the wheel that the page needs."""

    def lookup_path(self, path: str) -> tuple[str, Any]:
        """See ``StaticFiles.lookup_path``."""
        return super().lookup_path(path) if path in _FILES else ("", None)


def as_openapi_30(node: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    """The same description in the words of OpenAPI 3.0."""
    if isinstance(node, list):
        return [as_openapi_30(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: as_openapi_30(value) for key, value in node.items()}
    for key in ("anyOf", "oneOf"):
        options = found.get(key)
        if isinstance(options, list) and {"type": "null"} in options:
            rest = [one for one in options if one != {"type": "null"}]
            del found[key]
            found = {**found, **_nullable(rest, key)}
    if "const" in found and "type" in found:
        found["enum"] = [found.pop("const")]
    for bound in ("exclusiveMinimum", "exclusiveMaximum"):
        if isinstance(found.get(bound), int | float) and not isinstance(found[bound], bool):
            found[bound.removeprefix("exclusive").lower()] = found[bound]
            found[bound] = True
    if isinstance(found.get("examples"), list):
        found["example"] = found.pop("examples")[0]
    return found


def _nullable(rest: list[dict[str, Any]], key: str) -> dict[str, Any]:
    if len(rest) == 1 and "$ref" not in rest[0]:
        return {**rest[0], "nullable": True}
    # Beside a $ref nothing else counts in 3.0.
    return {"allOf": rest, "nullable": True} if len(rest) == 1 else {key: rest, "nullable": True}
