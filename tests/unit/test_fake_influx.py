"""The InfluxDB 2 of the tests: who may do what there."""

from __future__ import annotations

from gateway.influx_http import InfluxHttp, basic
from tests.plugins.influx_two import OPERATOR, ORG, TwoInflux

TOKEN = f"Token {OPERATOR}"


def test_a_token_of_the_fake_sees_and_does_what_it_is_permitted(two_influx: tuple[TwoInflux, str]) -> None:
    """Reading and writing apart, one bucket apart from another, nobody without a token, operators everything."""
    http = InfluxHttp(two_influx[1])
    made = [
        http.send("POST", "/api/v2/buckets", authorization=TOKEN, json={"orgID": ORG["id"], "name": name}).document()
        for name in ("a", "b")
    ]
    resource = {"type": "buckets", "id": made[0]["id"], "orgID": ORG["id"]}
    body = {"orgID": ORG["id"], "permissions": [{"action": "write", "resource": resource}]}
    token = http.send("POST", "/api/v2/authorizations", authorization=TOKEN, json=body).document()["token"]

    def write(bucket: str, authorization: str) -> int:
        return http.send(
            "POST", "/api/v2/write", authorization=authorization, query={"bucket": bucket}, body=b""
        ).status

    assert [write(bucket, f"Token {token}") for bucket in ("a", "b", "c")] == [204, 403, 404]
    assert (write("b", TOKEN), write("a", "Token wrong")) == (204, 401)
    assert http.send("GET", "/api/v2/buckets", authorization=f"Token {token}").document() == {"buckets": []}
    assert http.send("GET", "/api/v2/authorizations", authorization=f"Token {token}").status == 401
    listed = http.send("GET", "/api/v2/authorizations", authorization=TOKEN).document()["authorizations"]
    assert [one["token"] for one in listed] == ["redacted"]


def test_a_login_of_the_fake_reads_with_its_newest_password(two_influx: tuple[TwoInflux, str]) -> None:
    """A v1 authorization has no password before one is set; names are unique."""
    http = InfluxHttp(two_influx[1])
    bucket = http.send(
        "POST", "/api/v2/buckets", authorization=TOKEN, json={"orgID": ORG["id"], "name": "a"}
    ).document()
    resource = {"type": "buckets", "id": bucket["id"], "orgID": ORG["id"]}
    path = "/private/legacy/authorizations"
    body = {"orgID": ORG["id"], "token": "eve", "permissions": [{"action": "read", "resource": resource}]}
    made = http.send("POST", path, authorization=TOKEN, json=body).document()
    assert http.send("POST", path, authorization=TOKEN, json=body).status == 422

    def ask(password: str) -> int:
        return http.send("POST", "/query", authorization=basic("eve", password), form={"db": "a", "q": "x"}).status

    assert ask("") == 401
    assert (
        http.send("POST", f"{path}/{made['id']}/password", authorization=TOKEN, json={"password": "short"}).status
        == 400
    )
    http.send("POST", f"{path}/{made['id']}/password", authorization=TOKEN, json={"password": "long-enough"})
    assert (ask("long-enough"), ask("wrong-enough")) == (200, 401)
