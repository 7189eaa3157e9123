"""What init writes for compose works: a real Mosquitto takes its files, is healthy, and lets the gateway in by TLS."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway.cli import call
from gateway.site import BROKER, DATA, GATEWAY_PORT, MOSQUITTO, MOSQUITTO_DATA, Site
from tests.plugins.mosquitto import PROGRAM
from tests.support.process import HYGEIA
from tests.support.waiting import accepts, eventually, free_port

pytestmark = pytest.mark.mosquitto
COMPOSE = yaml.safe_load((Path(__file__).resolve().parents[2] / "docker-compose.yml").read_text(encoding="utf-8"))
#: The ports of the broker in its container.
PORTS = (1883, 8883, 8884, GATEWAY_PORT)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site whose broker is on this machine."""
    made = ["init", "--compose", str(tmp_path / "site"), "--data-dir", str(tmp_path / "data"), "--host", "localhost"]
    assert call(made) == 0
    return Site(tmp_path / "site")


@pytest.fixture
def ports(site: Site, tmp_path: Path) -> Iterator[dict[int, int]]:
    """The site's broker, running: its ports in the container and here."""
    if not PROGRAM.exists() or shutil.which("mosquitto_sub") is None:
        pytest.skip("mosquitto or mosquitto_sub is absent: apt-get install mosquitto mosquitto-clients")
    found = {port: free_port() for port in PORTS}
    (tmp_path / "sessions").mkdir()
    text = (site.broker / "mosquitto.conf").read_text(encoding="utf-8")
    text = text.replace(MOSQUITTO_DATA, f"{tmp_path}/sessions/").replace(MOSQUITTO, str(site.broker))
    for port, here in found.items():
        text = text.replace(f"listener {port}", f"listener {here}")
    if os.geteuid() == 0:
        text += "user root\n"
    (tmp_path / "mosquitto.conf").write_text(text, encoding="utf-8")
    with subprocess.Popen([PROGRAM, "-c", tmp_path / "mosquitto.conf"], stderr=subprocess.DEVNULL) as process:
        try:
            asyncio.run(eventually(lambda: all(map(accepts, found.values())), 15))
            yield found
        finally:
            process.kill()


def test_the_health_check_of_compose_passes_and_fails(site: Site, ports: dict[int, int], tmp_path: Path) -> None:
    """The very line of the compose file, with ports and folders of here; with another password it is not healthy."""
    line = COMPOSE["services"]["mosquitto"]["healthcheck"]["test"][1].replace("$$", "$")
    line = line.replace("-p 1883", f"-p {ports[1883]}").replace(MOSQUITTO, str(site.broker))
    line = line.replace("/tmp/health", str(tmp_path / "health"))
    assert subprocess.run(["sh", "-c", line], capture_output=True, check=False).returncode == 0
    (site.broker / "health.password").write_text("another", encoding="utf-8")
    assert subprocess.run(["sh", "-c", line], capture_output=True, check=False).returncode != 0


def test_the_gateway_is_let_in_by_its_certificate(site: Site, ports: dict[int, int], tmp_path: Path) -> None:
    """With the settings of the site, doctor finds the broker in order over TLS with both sides' certificates."""
    text = site.settings_file.read_text(encoding="utf-8")
    text = text.replace(DATA, str(tmp_path / "data")).replace(BROKER, str(site.broker))
    text = text.replace(f"mosquitto:{GATEWAY_PORT}", f"localhost:{ports[GATEWAY_PORT]}")
    text = text.replace('store = "influx"', 'store = "embedded"')
    text = "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("token_file"))
    (tmp_path / "hygeia.toml").write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [HYGEIA, "doctor", "--json", "--config", tmp_path / "hygeia.toml"],
        capture_output=True,
        text=True,
        check=False,
    )
    checks = {one["key"]: one for one in json.loads(ran.stdout)["checks"]}
    assert checks["configuration"]["ok"], ran.stdout
    assert checks["broker"]["ok"], checks["broker"]
    assert checks["broker"]["en"].startswith("mqtts://")
