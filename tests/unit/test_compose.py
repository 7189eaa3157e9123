"""docker-compose.yml and what it mounts: valid, whole, closed to the outside, no secret in it, nothing unpinned."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.site import RANDOM, Site

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: They do one thing and end.
ONCE = {"setup", "influx-setup"}
LASTING = sorted(SERVICES.keys() - ONCE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """What init writes for compose."""
    site = Site(tmp_path_factory.mktemp("deploy") / "site")
    site.write()
    site.finish()
    return site


def binds(service: dict[str, Any]) -> list[list[str]]:
    """Source, target and mode of what is mounted from the host."""
    return [one.split(":") for one in service.get("volumes", ()) if one.startswith(".")]


def test_it_is_valid_by_the_compose_specification() -> None:
    """check-jsonschema has the specification on board; a misspelt key fails."""
    program = Path(sys.executable).parent / "check-jsonschema"
    ran = subprocess.run(
        [program, "--builtin-schema", "vendor.compose-spec", FILE], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_image_is_pinned_to_a_version(name: str) -> None:
    """A tag of three numbers: neither latest nor a moving one."""
    assert re.search(r":\d+\.\d+\.\d+(-[a-z]+)?$", SERVICES[name]["image"])


@pytest.mark.parametrize("name", LASTING)
def test_every_service_that_lasts_is_watched_bounded_and_restarted(name: str) -> None:
    """Health check, limits of memory, processors and processes, restart, logs that do not fill the disk."""
    service = SERVICES[name]
    assert {"test", "interval", "timeout", "retries", "start_period"} <= service["healthcheck"].keys()
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert service["restart"] == "unless-stopped"
    assert {"max-size", "max-file"} <= service["logging"]["options"].keys()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_may_do_as_little_as_it_can(name: str) -> None:
    """Read-only, no capabilities, no new privileges, no root but for setup, which has no network."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    if name == "setup":
        assert service["network_mode"] == "none"
    else:
        assert not service.get("cap_add")
        assert not str(service.get("user", "10001")).startswith("0")


def test_ports_are_loopback_or_tls() -> None:
    """Devices come in by TLS; pages stay on the host."""
    published = {port for service in SERVICES.values() for port in service.get("ports", ())}
    assert published == {"8883:8883", "8884:8884", "127.0.0.1:8080:8080", "127.0.0.1:3000:3000"}


def test_the_database_is_reached_from_inside_only() -> None:
    """Its network leads nowhere, and it is in no other."""
    assert SERVICES["influxdb"]["networks"] == ["data"]
    assert COMPOSE["networks"]["data"] == {"internal": True}


def test_it_starts_in_order() -> None:
    """Broker and database healthy, the token made, then the gateway, then Grafana."""
    after = {name: {k: v["condition"] for k, v in one.get("depends_on", {}).items()} for name, one in SERVICES.items()}
    assert after["influx-setup"] == {"influxdb": "service_healthy"}
    assert after["gateway"] == {"mosquitto": "service_healthy", "influx-setup": "service_completed_successfully"}
    assert after["grafana"] == {"influxdb": "service_healthy", "gateway": "service_healthy"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_file_that_is_mounted_exists_or_is_written_by_init(name: str, site: Site) -> None:
    """A missing file would become an empty folder, made by root."""
    for source, *_ in binds(SERVICES[name]):
        path = ROOT / source
        if path.is_relative_to(ROOT / "deploy" / "site"):
            path = site.folder / path.relative_to(ROOT / "deploy" / "site")
            assert path.exists() or path == site.broker, source
        else:
            assert path.exists(), source


def test_what_is_mounted_cannot_be_written_but_for_the_two_folders_of_ours() -> None:
    """The gateway rewrites the broker's files, setup the site."""
    writable = {(name, bind[0]) for name, one in SERVICES.items() for bind in binds(one) if bind[-1] != "ro"}
    assert writable == {("gateway", "./deploy/site/broker"), ("setup", "./deploy/site")}


def test_every_secret_is_a_file_that_init_writes(site: Site) -> None:
    """None in the environment, each different, each used, none without its file."""
    files = {
        name: site.folder / Path(one["file"]).relative_to("deploy/site") for name, one in COMPOSE["secrets"].items()
    }
    texts = [file.read_text(encoding="utf-8") for file in files.values()]
    assert len(set(texts)) == len(texts)
    assert all(len(text) >= 48 and text == text.strip() for text in texts)
    used = {name for service in SERVICES.values() for name in service.get("secrets", ())}
    assert used == files.keys() == {*RANDOM, "gateway_mqtt_url"}
    named = {
        key
        for one in SERVICES.values()
        for key in one.get("environment", {})
        if re.search("PASSWORD|TOKEN|SECRET_KEY", key)
    }
    assert all(key.endswith("_FILE") for key in named)


def test_every_volume_is_declared_and_used() -> None:
    """A misspelt one would be a new, empty volume."""
    used = {one.split(":")[0] for service in SERVICES.values() for one in service.get("volumes", ()) if one[0] != "."}
    assert used == COMPOSE["volumes"].keys()


def test_containers_can_read_what_is_theirs_and_the_host_nothing(site: Site) -> None:
    """Files are for every user of a container; the folder keeps others of the host out."""
    assert site.folder.stat().st_mode & 0o777 == 0o700
    files = [path for path in site.folder.rglob("*") if path.is_file()]
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in files)
