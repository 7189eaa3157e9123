"""Fixture: the administration of an InfluxDB 2 in memory, modelled on its documented API.

Modelled on the OpenAPI contracts of OSS 2.x (github.com/influxdata/openapi) and on what ``influx v1 auth`` sends; never
compared with a real 2.x. A token acts within its permissions, as ``tests/unit/test_fake_influx.py`` shows.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from tests.influx_servers import Served, problem

OPERATOR = "the-operators-token"
ORG = {"id": "0a0000000000000a", "name": "city"}


class TwoInflux:
    """An InfluxDB 2: ``buckets``, ``tokens`` and ``logins`` as its API lists them, ``changes`` = writing requests."""

    def __init__(self, version: str = "v2.9.1") -> None:
        self.version = version
        self.buckets: list[dict[str, Any]] = []
        self.mappings: list[dict[str, Any]] = []
        self.tokens: list[dict[str, Any]] = []
        self.logins: list[dict[str, Any]] = []
        self.changes: list[str] = []
        self._passwords: dict[str, str] = {}
        self._ids = (f"{number:016x}" for number in itertools.count(1))
        self.app = web.Application()
        legacy = "/private/legacy/authorizations"
        for method, path, handler in (
            ("GET", "/ping", self._ping),
            ("GET", "/api/v2/orgs", self._orgs),
            ("GET", "/api/v2/buckets", self._list_buckets),
            ("POST", "/api/v2/buckets", self._add_bucket),
            ("PATCH", "/api/v2/buckets/{id}", self._change_bucket),
            ("GET", "/api/v2/dbrps", self._list_mappings),
            ("POST", "/api/v2/dbrps", self._add_mapping),
            ("GET", "/api/v2/authorizations", self._list_of("tokens")),
            ("POST", "/api/v2/authorizations", self._add_token),
            ("DELETE", "/api/v2/authorizations/{id}", self._remove_token),
            ("GET", legacy, self._list_of("logins")),
            ("POST", legacy, self._add_login),
            ("POST", legacy + "/{id}/password", self._set_password),
            ("POST", "/query", self._query),
            ("POST", "/api/v2/write", self._write),
        ):
            self.app.router.add_route(method, path, handler)

    def rights(self, request: web.Request) -> list[dict[str, Any]] | None:
        """The permissions of who asks; None = nobody. An operator's are empty: it may do everything."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            user, _, password = base64.b64decode(secret).decode().partition(":")
            known = [one for one in self.logins if one["token"] == user and self._passwords.get(one["id"]) == password]
        else:
            known = [one for one in self.tokens if one["token"] == secret]
            if secret == OPERATOR:
                return []
        return known[0]["permissions"] if known else None

    def may(self, request: web.Request, action: str, bucket: str) -> bool:
        """Whether who asks may do ``action`` with a bucket (id)."""
        rights = self.rights(request)
        if rights is None:
            raise _stop(401, "unauthorized", "unauthorized access")
        return not rights or any(one["action"] == action and one["resource"]["id"] == bucket for one in rights)

    def _operator(self, request: web.Request, change: str = "") -> None:
        if self.rights(request) != []:
            raise _stop(401, "unauthorized", "unauthorized access")
        if change:
            self.changes.append(change)

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Influxdb-Version": self.version, "X-Influxdb-Build": "OSS"})

    async def _orgs(self, request: web.Request) -> web.Response:
        self._operator(request)
        if request.query.get("org") != ORG["name"]:
            return problem(404, "not found", f'organization name "{request.query.get("org")}" not found')
        return web.json_response({"orgs": [ORG]})

    async def _list_buckets(self, request: web.Request) -> web.Response:
        name = request.query.get("name")
        seen = [one for one in self.buckets if name in {None, one["name"]} and self.may(request, "read", one["id"])]
        if not self.buckets:
            self.may(request, "read", "")
        return web.json_response({"buckets": seen})

    async def _add_bucket(self, request: web.Request) -> web.Response:
        self._operator(request, "bucket")
        body = await request.json()
        bucket = {"id": next(self._ids), "type": "user"} | body
        self.buckets.append(bucket)
        database, _, policy = body["name"].partition("/")
        mapping = {
            "database": database,
            "retention_policy": policy or "autogen",
            "default": not policy,
            "virtual": True,
        }
        self.mappings.append(mapping | {"id": next(self._ids), "orgID": ORG["id"], "bucketID": bucket["id"]})
        return web.json_response(bucket, status=201)

    async def _change_bucket(self, request: web.Request) -> web.Response:
        self._operator(request, "retention")
        (bucket,) = [one for one in self.buckets if one["id"] == request.match_info["id"]]
        bucket |= await request.json()
        return web.json_response(bucket)

    async def _list_mappings(self, request: web.Request) -> web.Response:
        self._operator(request)
        found = [one for one in self.mappings if one["database"] == request.query.get("db", one["database"])]
        return web.json_response({"content": found})

    async def _add_mapping(self, request: web.Request) -> web.Response:
        self._operator(request, "dbrp")
        self.mappings.append({"id": next(self._ids), "virtual": False} | await request.json())
        return web.json_response(self.mappings[-1], status=201)

    def _list_of(self, which: str) -> Callable[[web.Request], Any]:
        async def handler(request: web.Request) -> web.Response:
            self._operator(request)
            shown: list[dict[str, Any]] = getattr(self, which)
            if which == "tokens":  # from 2.9 on only a hash is kept
                shown = [one | {"token": "redacted"} for one in shown]
            wanted = request.query.get("token")
            found = [one for one in shown if which == "tokens" or wanted in {None, one["token"]}]
            return web.json_response({"links": {}, "authorizations": found})

        return handler

    async def _add_token(self, request: web.Request) -> web.Response:
        self._operator(request, "token")
        made = {"id": next(self._ids)} | await request.json()
        made["token"] = f"api-token-{made['id']}"
        self.tokens.append(made)
        return web.json_response(made, status=201)

    async def _remove_token(self, request: web.Request) -> web.Response:
        self._operator(request, "token gone")
        self.tokens = [one for one in self.tokens if one["id"] != request.match_info["id"]]
        return web.Response(status=204)

    async def _add_login(self, request: web.Request) -> web.Response:
        self._operator(request, "login")
        body = await request.json()
        if not body.get("token"):
            return problem(400, "invalid", "token required for v1 user authorization type")
        if any(one["token"] == body["token"] for one in self.logins):
            return problem(422, "unprocessable entity", "token already exists")
        self.logins.append({"id": next(self._ids)} | body)
        return web.json_response(self.logins[-1], status=201)

    async def _set_password(self, request: web.Request) -> web.Response:
        self._operator(request, "password")
        password = (await request.json())["password"]
        if not 8 <= len(password) <= 72:
            return problem(400, "invalid", "passwords must be between 8 and 72 characters long")
        self._passwords[request.match_info["id"]] = password
        return web.Response(status=204)

    async def _query(self, request: web.Request) -> web.Response:
        form = await request.post()
        database = str(form.get("db") or request.query.get("db"))
        mapped = [one["bucketID"] for one in self.mappings if one["database"] == database]
        if not mapped or not self.may(request, "read", mapped[0]):
            return web.json_response({"error": f"database not found: {database}"}, status=404 if not mapped else 403)
        return web.json_response({"results": [{"statement_id": 0}]})

    async def _write(self, request: web.Request) -> web.Response:
        found = [one for one in self.buckets if one["name"] == request.query.get("bucket")]
        if not found:
            return problem(404, "not found", f'bucket "{request.query.get("bucket")}" not found')
        if not self.may(request, "write", found[0]["id"]):
            return problem(403, "forbidden", "insufficient permissions for write")
        return web.Response(status=204)


def _stop(status: int, code: str, message: str) -> web.HTTPException:
    kind = web.HTTPUnauthorized if status == 401 else web.HTTPForbidden
    return kind(text=f'{{"code":"{code}","message":"{message}"}}', content_type="application/json")


@pytest.fixture
def two_influx() -> Iterator[tuple[TwoInflux, str]]:
    """The administration of an InfluxDB 2.9 in memory, and its address."""
    server = TwoInflux()
    served = Served(server.app)
    yield server, served.url
    served.stop()
