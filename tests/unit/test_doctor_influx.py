"""What the doctor says of InfluxDB: on a 2.x modelled on its documentation, and on a real 1.x."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.config import Settings
from gateway.config.model import Influx, Timeseries
from gateway.doctor_influx import check_influx
from gateway.finding import FaultError
from gateway.influx_http import InfluxError, InfluxHttp
from gateway.influx_setup import Wanted, set_up
from tests.influx_servers import Served
from tests.plugins.influx import Influxd
from tests.plugins.influx_two import OPERATOR, ORG, TwoInflux


def check(url: str, token: str, **more: Any) -> tuple[str, str]:
    """What is found with this token."""
    influx = Influx(**{"url": url, "org": "city", "bucket": "water", "token": SecretStr(token)} | more)
    return check_influx(Settings(influx=influx, timeseries=Timeseries(store="influx")))


def prepared(url: str, admin: str, folder: Path) -> str:
    """Set the server up; the gateway's token."""
    wanted = Wanted("city", "water", None, "hygeia", "grafana", folder / "token", folder / "password")
    set_up(InfluxHttp(url), admin, wanted)
    return (folder / "token").read_text("utf-8").strip()


def test_what_setup_made_is_well(two_influx: tuple[TwoInflux, str], tmp_path: Path) -> None:
    """Version and bucket are named, no hint, in both languages; nothing was changed."""
    server, url = two_influx
    token = prepared(url, OPERATOR, tmp_path)
    before = list(server.changes)
    en, zh = check(url, token)
    assert en == f"{url}, InfluxDB v2.9.1, bucket water"
    assert zh == f"{url}，InfluxDB v2.9.1，桶 water"
    assert server.changes == before


def test_a_token_with_too_many_rights_is_a_hint(two_influx: tuple[TwoInflux, str], tmp_path: Path) -> None:
    """An operator's token works, and should not be the gateway's."""
    _, url = two_influx
    prepared(url, OPERATOR, tmp_path)
    assert "its token may do more than it needs: hygeia influx setup" in check(url, OPERATOR)[0]


def test_what_a_token_lacks_is_a_fault_that_names_it(two_influx: tuple[TwoInflux, str], tmp_path: Path) -> None:
    """Unknown, without the bucket, reading only, and a mapping that is gone."""
    server, url = two_influx
    with pytest.raises(FaultError, match=r"refuses influx\.token"):
        check(url, "nobody")
    token = prepared(url, OPERATOR, tmp_path)
    with pytest.raises(FaultError, match="no bucket 'other' in 'city'"):
        check(url, token, bucket="other")
    (right,) = [one for one in server.tokens[0]["permissions"] if one["action"] == "read"]
    body = {"orgID": ORG["id"], "permissions": [right]}
    made = InfluxHttp(url).send("POST", "/api/v2/authorizations", authorization=f"Token {OPERATOR}", json=body)
    with pytest.raises(FaultError, match="may not write bucket 'water'"):
        check(url, made.document()["token"])
    server.mappings.clear()
    with pytest.raises(FaultError, match="InfluxQL does not read database 'water'"):
        check(url, token)


def test_an_old_2_and_a_server_that_is_no_influxdb_are_faults() -> None:
    """2.4 has no mappings that work; a login page has no version."""
    for version, error, words in (("v2.4.0", FaultError, "allowed: 2.5"), ("", InfluxError, "is no InfluxDB")):
        served = Served(TwoInflux(version).app)
        with pytest.raises(error, match=words):
            check(served.url, OPERATOR)
        served.stop()


@pytest.mark.influxd
def test_1x_is_looked_at_as_its_user(guarded_influxd: Influxd, tmp_path: Path) -> None:
    """On a real influxd: what setup made is well, an administrator is a hint, a reader or a stranger a fault."""
    url, admin = guarded_influxd.url, "root:an-administrators-password"
    token = prepared(url, admin, tmp_path)
    en, _ = check(url, token)
    assert en.startswith(f"{url}, InfluxDB 1.")
    assert en.endswith("bucket water")
    assert "'root' is an administrator" in check(url, admin)[0]
    with pytest.raises(FaultError, match=r"refuses influx\.token"):
        check(url, "hygeia:wrong")
    with pytest.raises(FaultError, match="may not write bucket 'water'"):
        check(url, "grafana:" + (tmp_path / "password").read_text("utf-8").strip())
    with pytest.raises(FaultError, match="may not write bucket 'absent'"):
        check(url, admin, bucket="absent")


@pytest.mark.influxd
def test_1x_without_authentication_is_a_hint(shimmed_influxd: tuple[Influxd, str]) -> None:
    """Anybody may write there."""
    influxd, _ = shimmed_influxd
    influxd.query("", 'CREATE DATABASE "open"')
    assert "authentication is off" in check(influxd.url, "x", bucket="open")[0]
