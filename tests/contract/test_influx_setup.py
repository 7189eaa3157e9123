"""``hygeia influx setup``: on a real InfluxDB 1.x, and on a 2.x modelled on its documentation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import call
from gateway.influx_http import InfluxHttp, basic
from tests.influx_servers import Served
from tests.plugins.influx import Influxd
from tests.plugins.influx_two import OPERATOR, TwoInflux

Run = Callable[..., tuple[int, Any]]
ADMIN = "root:an-administrators-password"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that runs the command for the server at an address, with an operator's token in a file."""

    def go(url: str, *options: str, token: str = OPERATOR, bucket: str = "water") -> tuple[int, Any]:
        (tmp_path / "admin").write_text(token + "\n", "utf-8")
        (tmp_path / "hygeia.toml").write_text(
            f'data.dir = "data"\ntimeseries.store = "influx"\ninflux.url = "{url}"\ninflux.org = "city"\n'
            f'influx.bucket = "{bucket}"\ninflux.token_file = "made/influx.token"\n',
            "utf-8",
        )
        arguments = ["--config", str(tmp_path / "hygeia.toml"), "--out", str(tmp_path / "made"), *options]
        code = call(["influx", "setup", "--token-file", str(tmp_path / "admin"), *arguments, "--json"])
        out, err = capsys.readouterr()
        assert token not in out + err
        return code, json.loads(out) if out else err

    return go


def done(document: dict[str, Any]) -> dict[str, str]:
    """What each step did."""
    return {step["what"]: step["done"] for step in document["steps"]}


def test_2x_gets_a_bucket_and_two_credentials_with_the_least_rights(
    run: Run, two_influx: tuple[TwoInflux, str], tmp_path: Path
) -> None:
    """Bucket with retention; the gateway reads and writes it alone, Grafana reads it alone; secrets are in files."""
    server, url = two_influx
    code, document = run(url, "--retention", "3650d")
    assert (code, document["changed"]) == (0, True)
    assert done(document) == {
        "version": "found", "bucket": "created", "dbrp": "kept", "gateway": "created", "grafana": "created"
    }  # fmt: skip
    (bucket,) = server.buckets
    assert bucket["retentionRules"] == [{"type": "expire", "everySeconds": 3650 * 86400}]
    resource = {"type": "buckets", "id": bucket["id"], "orgID": bucket["orgID"]}
    assert server.tokens[0]["permissions"] == [{"action": one, "resource": resource} for one in ("read", "write")]
    assert server.logins[0]["permissions"] == [{"action": "read", "resource": resource}]
    token, password = tmp_path / "made" / "influx.token", tmp_path / "made" / "grafana.password"
    assert token.read_text("utf-8").strip() == server.tokens[0]["token"]
    assert {file.stat().st_mode & 0o777 for file in (token, password)} == {0o600}
    assert token.read_text("utf-8").strip() not in json.dumps(document)
    assert password.read_text("utf-8").strip() not in json.dumps(document)
    asked = InfluxHttp(url).send(
        "POST", "/query", authorization=basic("grafana", password.read_text("utf-8").strip()), form={"db": "water"}
    )
    assert asked.status == 200


def test_a_second_run_changes_nothing_and_says_so(run: Run, two_influx: tuple[TwoInflux, str]) -> None:
    """Neither without --retention nor with the same one."""
    server, url = two_influx
    run(url, "--retention", "30d")
    before = len(server.changes)
    for options in ((), ("--retention", "30d")):
        code, document = run(url, *options)
        assert (code, document["changed"]) == (0, False)
    assert len(server.changes) == before


def test_a_dry_run_changes_nothing_and_says_what_it_would(
    run: Run, two_influx: tuple[TwoInflux, str], tmp_path: Path
) -> None:
    """No request that writes, no file."""
    server, url = two_influx
    code, document = run(url, "--dry-run", "--retention", "0")
    assert (code, done(document)["bucket"], done(document)["gateway"]) == (0, "created", "created")
    assert server.changes == []
    assert not (tmp_path / "made").exists()


def test_rotating_makes_new_secrets_and_revokes_the_old(
    run: Run, two_influx: tuple[TwoInflux, str], tmp_path: Path
) -> None:
    """The old token and the old password are refused."""
    server, url = two_influx
    run(url)
    files = [tmp_path / "made" / name for name in ("influx.token", "grafana.password")]
    old = [file.read_text("utf-8") for file in files]
    code, document = run(url, "--rotate")
    assert code == 0
    assert (done(document)["gateway"], done(document)["grafana"]) == ("rotated", "rotated")
    assert all(file.read_text("utf-8") != text for file, text in zip(files, old, strict=True))
    assert len(server.tokens) == 1
    asked = InfluxHttp(url).send("GET", "/api/v2/buckets", authorization=f"Token {old[0].strip()}")
    assert asked.status == 401


def test_a_lost_token_is_made_anew_and_a_chosen_password_of_grafana_is_taken(
    run: Run, two_influx: tuple[TwoInflux, str], tmp_path: Path
) -> None:
    """A token cannot be read again (2.9 keeps a hash); a password that stands in the file beforehand is the one set."""
    server, url = two_influx
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "grafana.password").write_text("chosen-beforehand\n", "utf-8")
    run(url)
    (tmp_path / "made" / "influx.token").unlink()
    code, document = run(url)
    assert (code, done(document)["gateway"], done(document)["grafana"]) == (0, "rotated", "kept")
    assert len(server.tokens) == 1
    assert (tmp_path / "made" / "grafana.password").read_text("utf-8") == "chosen-beforehand\n"


def test_retention_is_changed_where_it_differs(run: Run, two_influx: tuple[TwoInflux, str]) -> None:
    """From ten years to for ever."""
    server, url = two_influx
    run(url, "--retention", "3650d")
    _, document = run(url, "--retention", "0")
    assert done(document)["bucket"] == "changed"
    assert server.buckets[0]["retentionRules"] == []


@pytest.mark.parametrize(
    ("version", "words"),
    [("v2.4.0", "allowed: 2.5 or newer"), ("3.2.1", "nothing can be set up here"), ("", "no InfluxDB")],
)
def test_a_server_of_another_version_is_told_plainly(version: str, words: str, run: Run) -> None:
    """One line, nothing done."""
    server = TwoInflux(version)
    served = Served(server.app)
    code, err = run(served.url)
    served.stop()
    assert code in {1, 2}
    assert words in err
    assert err.count("\n") == 1
    assert server.changes == []


def test_what_is_wrong_on_the_server_is_told_in_one_line(run: Run, two_influx: tuple[TwoInflux, str]) -> None:
    """A token that is no operator's, and a user of Grafana's name with more rights."""
    server, url = two_influx
    code, err = run(url, token="wrong-token")
    assert (code, err.count("\n")) == (1, 1)
    assert "refuses the operator's token" in err
    run(url)
    server.logins[0]["permissions"] += server.tokens[0]["permissions"]
    code, err = run(url)
    assert (code, err.count("\n")) == (1, 1)
    assert "--grafana-user" in err


@pytest.mark.influxd
def test_1x_gets_its_first_administrator_a_database_and_two_users(
    run: Run, guarded_influxd: Influxd, tmp_path: Path
) -> None:
    """On a real influxd with authentication: rights are what they should be, and a second run changes nothing."""
    code, document = run(guarded_influxd.url, "--retention", "30d", token=ADMIN)
    assert code == 0, document
    assert done(document) == {
        "version": "found", "admin": "created", "bucket": "created", "gateway": "created", "grafana": "created"
    }  # fmt: skip
    http = InfluxHttp(guarded_influxd.url)

    def ask(who: str, statement: str) -> tuple[int, bytes]:
        reply = http.send("POST", "/query", authorization=basic(*who.split(":")), form={"db": "water", "q": statement})
        return reply.status, reply.body

    gateway = (tmp_path / "made" / "influx.token").read_text("utf-8").strip()
    grafana = f"grafana:{(tmp_path / 'made' / 'grafana.password').read_text('utf-8').strip()}"
    assert b'"720h0m0s"' in ask(ADMIN, "SHOW RETENTION POLICIES ON water")[1]

    def write(who: str) -> int:
        where = {"db": "water", "precision": "ns"}
        return http.send("POST", "/write", authorization=basic(*who.split(":")), query=where, body=b"m v=1").status

    assert (write(gateway), write(grafana)) == (204, 403)
    assert (ask(gateway, "SELECT * FROM m")[0], ask(grafana, "SELECT * FROM m")[0]) == (200, 200)
    assert b"error" in ask(gateway, "CREATE DATABASE other")[1]
    # docs/stores.md says so: who may write may delete.
    assert [b"error" in ask(who, "DELETE FROM m")[1] for who in (grafana, gateway)] == [True, False]
    assert run(guarded_influxd.url, token=ADMIN)[1]["changed"] is False
    _, document = run(guarded_influxd.url, "--rotate", "--retention", "0", token=ADMIN)
    assert (done(document)["bucket"], done(document)["gateway"], done(document)["grafana"]) == (
        "changed", "rotated", "rotated"
    )  # fmt: skip
    assert write(gateway) == 401
    _, document = run(guarded_influxd.url, "--retention", "1d", token=ADMIN)
    assert (done(document)["bucket"], done(document)["gateway"]) == ("changed", "kept")
    code, err = run(guarded_influxd.url, token="root:wrong")
    assert (code, "refuses the administrator" in err) == (1, True)


def test_1x_takes_over_no_account_of_somebody_else(run: Run, guarded_influxd: Influxd, tmp_path: Path) -> None:
    """Neither the gateway's own name for Grafana, nor the users of another installation; --rotate says it is meant."""
    url, http = guarded_influxd.url, InfluxHttp(guarded_influxd.url)
    _, document = run(url, token=ADMIN)
    (gateway,) = [step["name"] for step in document["steps"] if step["what"] == "gateway"]
    password = (tmp_path / "made" / "grafana.password").read_text("utf-8").strip()

    def reads() -> bool:
        form = {"db": "water", "q": "SHOW MEASUREMENTS"}
        return http.send("POST", "/query", authorization=basic("grafana", password), form=form).status == 200

    code, err = run(url, "--grafana-user", gateway, token=ADMIN)
    assert (code, "mqtt.client_id" in err) == (2, True)
    second = ("--out", str(tmp_path / "second"))
    for options in (second, (*second, "--dry-run")):
        code, err = run(url, *options, token=ADMIN, bucket="other")
        assert (code, "has rights on water" in err) == (1, True)
    assert not (tmp_path / "second").exists() or not list((tmp_path / "second").iterdir())
    assert run(url, token=ADMIN)[1]["changed"] is False
    assert reads()
    code, _ = run(url, *second, "--rotate", token=ADMIN, bucket="other")
    assert (code, reads()) == (0, False)
