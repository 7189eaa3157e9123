"""The connection to InfluxDB: certificates, closed and cut connections, answers that mislead, versions."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from gateway.store.influx_link import InfluxLink, Target
from gateway.store.influx_write import UNTRUSTED, UnwrittenError
from tests.influx_servers import MoodyInflux, Served

TOKEN = "a-secret-of-this-test"
Open = Callable[..., InfluxLink]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def link() -> Iterator[Open]:
    """A function that opens a link to an address; all end with the test."""
    links: list[InfluxLink] = []

    def make(url: str, token: str = TOKEN, **more: Any) -> InfluxLink:
        links.append(InfluxLink(Target(url, "org", "db", token, timeout=5.0)._replace(**more)))
        links[-1].open()
        return links[-1]

    yield make
    for one in links:
        one.close()


def serve(handler: Handler, version: str = "v2.9.1", **options: object) -> Served:
    """A server that answers ``/ping`` with a version and all else by ``handler``."""

    async def ping(_: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Influxdb-Version": version} if version else {})

    app = web.Application()
    app.router.add_get("/ping", ping)
    app.router.add_route("*", "/{rest:.*}", handler)
    return Served(app, **options)  # type: ignore[arg-type]


def test_a_certificate_of_another_authority_is_named_and_nothing_is_sent(tmp_path: Path, link: Open) -> None:
    """Unknown authority, wrong host name: words that say what to check; with the right authority all goes in."""
    authority = trustme.CA()
    contexts = [ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) for _ in range(2)]
    for context, host in zip(contexts, ("127.0.0.1", "influx.elsewhere"), strict=True):
        authority.issue_cert(host).configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    server = MoodyInflux()
    served, misnamed = Served(server.app, tls=contexts[0]), Served(MoodyInflux().app, tls=contexts[1])
    ca = str(tmp_path / "ca.pem")
    stranger, wrong = link(served.url).post(b"m v=1 1"), link(misnamed.url, ca=ca).post(b"m v=1 1")
    assert (stranger.status, wrong.status) == (UNTRUSTED, UNTRUSTED)
    assert "its certificate is not trusted (unable to get local issuer certificate)" in stranger.words
    assert "check influx.ca" in stranger.words
    assert "not valid for '127.0.0.1'" in wrong.words
    assert server.requests == 0
    with pytest.raises(UnwrittenError, match="not trusted") as caught:
        link(served.url).query(["SHOW MEASUREMENTS"])
    assert caught.value.held
    assert link(served.url, ca=ca).post(b"m v=1 1").status == 204
    served.stop()
    misnamed.stop()


def test_https_where_the_server_speaks_http_is_told(link: Open) -> None:
    """The word to check is the address."""
    served = Served(MoodyInflux().app)
    answer = link(served.url.replace("http:", "https:")).post(b"m v=1 1")
    served.stop()
    assert answer.status == UNTRUSTED
    assert "check http or https in influx.url" in answer.words


def test_a_connection_that_is_closed_after_every_answer_costs_nothing(link: Open) -> None:
    """A server or proxy that keeps no connection alive gets each request once."""
    seen: list[bytes] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(await request.read())
        response = web.Response(status=204)
        response.force_close()
        return response

    served = serve(handler)
    one = link(served.url)
    answers = [one.post(b"m v=%d 1" % n).status for n in range(20)]
    served.stop()
    assert answers == [204] * 20
    assert seen == [b"m v=%d 1" % n for n in range(20)]


def test_an_answer_that_ends_half_way_is_no_answer(link: Open) -> None:
    """Half a chunked body of a query, or fewer bytes than announced, is asked again and never taken for empty."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b'{"results":[{"statement_id":0,"series":[{"name":"water"')
        assert request.transport is not None
        await asyncio.sleep(0)
        request.transport.abort()
        return response

    served = serve(handler)
    with pytest.raises(UnwrittenError, match="does not answer") as caught:
        link(served.url).query(["SELECT ph FROM water"])
    served.stop()
    assert not caught.value.held


@pytest.mark.parametrize(
    ("document", "words", "held"),
    [
        ({"results": [{"statement_id": 0, "error": "database not found: db"}]}, "database not found", True),
        ({"results": [{"statement_id": 0, "error": "query timeout reached"}]}, "timeout", False),
        ({"error": "authorization failed"}, "authorization failed", True),
        ({"results": [{"statement_id": 0, "series": [{"name": "m", "partial": True}]}]}, "max-row-limit", True),
        ({"results": [{"statement_id": 0, "partial": True}]}, "max-row-limit", True),
        ({"results": []}, "cut off", True),
        ("<html>", "not InfluxDB's", True),
    ],
)
def test_an_error_inside_a_good_answer_is_an_error(document: object, words: str, *, held: bool, link: Open) -> None:
    """/query says 200 and the error in the body; an answer cut off by a limit of rows would hide what is stored."""

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response(text=document if isinstance(document, str) else json.dumps(document))

    served = serve(handler)
    with pytest.raises(UnwrittenError, match=words) as caught:
        link(served.url).query(["SELECT ph FROM water"])
    served.stop()
    assert caught.value.held is held


@pytest.mark.parametrize(
    ("version", "token", "path", "scheme"),
    [
        ("v2.9.1", TOKEN, "/api/v2/write", "Token"),
        ("3.2.1", TOKEN, "/api/v2/write", "Token"),
        ("", TOKEN, "/api/v2/write", "Token"),
        ("1.8.10", "hygeia:secret", "/write", "Basic"),
        ("1.6.7~rc0", TOKEN, "/write", "Token"),
    ],
)
@pytest.mark.parametrize("gzip", [False, True])
def test_each_version_is_written_to_in_its_own_way(
    version: str, token: str, path: str, scheme: str, *, gzip: bool, link: Open
) -> None:
    """Path, credentials and always the precision: a server that guessed it would put data into another year."""
    seen: list[web.Request] = []
    bodies: list[bytes] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        bodies.append(await request.read())
        return web.Response(status=204)

    served = serve(handler, version)
    assert link(served.url, token, bucket="db/rp", gzip=gzip).post(b"m v=1 1").status == 204
    served.stop()
    (request,) = seen
    assert (request.path, request.headers["Authorization"].split()[0]) == (path, scheme)
    assert request.query["precision"] == "ns"
    assert request.query.get("bucket", request.query.get("db")) == ("db" if path == "/write" else "db/rp")
    assert request.query.get("rp", "rp") == "rp"
    assert bodies == [b"m v=1 1"]


def test_a_server_that_was_upgraded_is_recognised(link: Open) -> None:
    """1.x was replaced by 2.x at the same address: what it refuses makes the link look again."""
    version = ["1.8.10"]

    async def ping(_: web.Request) -> web.Response:
        return web.Response(status=204, headers={"X-Influxdb-Version": version[0]})

    async def handler(request: web.Request) -> web.StreamResponse:
        expected = "/write" if version[0].startswith("1") else "/api/v2/write"
        return web.Response(status=204 if request.path == expected else 404)

    app = web.Application()
    app.router.add_get("/ping", ping)
    app.router.add_route("*", "/{rest:.*}", handler)
    served = Served(app)
    one = link(served.url)
    first = one.post(b"m v=1 1").status
    version[0] = "v2.9.1"
    assert (first, one.post(b"m v=1 1").status, one.post(b"m v=1 1").status) == (204, 404, 204)
    served.stop()


def test_3_has_no_database_before_the_first_write(link: Open) -> None:
    """404 of a query means that nothing is there; of 2.x it means that somebody must make the bucket."""

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "database not found: db"}, status=404)

    for version, found in (("3.2.1", [[], []]), ("v2.9.1", None)):
        served = serve(handler, version)
        if found is None:
            with pytest.raises(UnwrittenError) as caught:
                link(served.url).query(["a", "b"])
            assert caught.value.held
        else:
            assert link(served.url).query(["a", "b"]) == found
        served.stop()
