"""docker-compose.yml and what it mounts: valid, whole, closed to the outside, no secret in it, nothing unpinned."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from gateway.cli import COMMANDS, call, init
from gateway.config import load
from gateway.errors import StartError
from gateway.site import BROKER, DATA, SECRETS, Site

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
COMPOSE: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: They do one thing and end.
ONCE = {"setup", "influx-setup", "dashboards"}
LASTING = sorted(SERVICES.keys() - ONCE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """What init writes for compose; its data folder is beside it."""
    folder = tmp_path_factory.mktemp("deploy")
    made = ["init", "--compose", str(folder / "site"), "--data-dir", str(folder / "data"), "--host", "water.example"]
    assert call(made) == 0
    return Site(folder / "site")


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def mode(path: Path) -> int:
    """Permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def binds(service: dict[str, Any]) -> dict[str, bool]:
    """What is mounted from the host, and whether the container may write it."""
    volumes = service.get("volumes", ())
    short = [one.split(":") for one in volumes if isinstance(one, str) and one.startswith(".")]
    found = {parts[0]: parts[-1] != "ro" for parts in short}
    return found | {one["source"]: not one["read_only"] for one in volumes if isinstance(one, dict)}


def test_a_setup_that_failed_is_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody can sign in before the files are written, so the second run is the first that shows a password."""
    made = ["init", "--compose", str(tmp_path / "site"), "--data-dir", str(tmp_path / "data")]

    def full(*_: object) -> NoReturn:
        raise StartError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(init, "_broker", full)
        assert call(made) == 2
    assert "password" not in capsys.readouterr().out
    assert call(made) == 0
    assert "One-time password" in capsys.readouterr().out
    assert call(["init", "--compose", str(tmp_path / "other"), "--data-dir", str(tmp_path / "data")]) == 2
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("host", ["bad host!", "", "-a.example", "水.example", "a..b", "x" * 64, "*.example"])
def test_a_host_that_no_certificate_can_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    """Before anything is written; devices could never verify such a certificate."""
    made = ["init", "--compose", str(tmp_path / "site"), "--data-dir", str(tmp_path / "data"), f"--host={host}"]
    assert call(made) == 2
    assert f"--host {host!r}: allowed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


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


def test_days_begin_at_the_same_time_everywhere() -> None:
    """The gateway works out days in the zone in which dashboards and Grafana show them."""
    zone = "${HYGEIA_TIME_ZONE:-Asia/Shanghai}"
    assert SERVICES["gateway"]["environment"]["HYGEIA_TIME_ZONE"] == zone
    assert SERVICES["dashboards"]["command"][-1] == zone
    assert SERVICES["grafana"]["environment"]["GF_DATE_FORMATS_DEFAULT_TIMEZONE"] == zone


def test_it_starts_in_order() -> None:
    """Broker and database healthy, token and dashboards made, then the gateway, then Grafana."""
    after = {name: {k: v["condition"] for k, v in one.get("depends_on", {}).items()} for name, one in SERVICES.items()}
    assert after["influx-setup"] == {"influxdb": "service_healthy"}
    assert after["gateway"] == {"mosquitto": "service_healthy", "influx-setup": "service_completed_successfully"}
    assert after["grafana"] == {
        "influxdb": "service_healthy",
        "dashboards": "service_completed_successfully",
        "gateway": "service_healthy",
    }


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_file_that_is_mounted_exists_or_is_written_by_init(name: str, site: Site) -> None:
    """A missing file would become an empty folder, made by root."""
    for source in binds(SERVICES[name]):
        path = ROOT / source
        if path.is_relative_to(ROOT / "deploy" / "site"):
            path = site.folder / path.relative_to(ROOT / "deploy" / "site")
            assert path.exists(), source
        else:
            assert path.exists(), source


def test_what_is_mounted_cannot_be_written_but_for_the_two_folders_of_ours() -> None:
    """The gateway rewrites the broker's files, setup the site."""
    writable = {(name, source) for name, one in SERVICES.items() for source, may in binds(one).items() if may}
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
    assert used == files.keys() == set(SECRETS)
    named = {
        key
        for one in SERVICES.values()
        for key in one.get("environment", {})
        if re.search("PASSWORD|TOKEN|SECRET_KEY", key)
    }
    assert all(key.endswith("_FILE") for key in named)


def test_every_volume_is_declared_and_used() -> None:
    """A misspelt one would be a new, empty volume."""
    short = [one for service in SERVICES.values() for one in service.get("volumes", ()) if isinstance(one, str)]
    assert {one.split(":")[0] for one in short if one[0] != "."} == COMPOSE["volumes"].keys()


def test_nothing_starts_before_the_site_is_there() -> None:
    """An engine makes an empty folder, as root, of what is missing, unless it is told not to."""
    for name, service in SERVICES.items():
        for one in service.get("volumes", ()):
            if isinstance(one, dict):
                assert one["bind"] == {"create_host_path": False}, name
            elif name != "setup":
                assert not one.startswith("./deploy/site"), name


def test_the_home_of_grafana_is_a_dashboard_that_is_built(tmp_path: Path) -> None:
    """People land on the city's overview; the options of the service are those that the command has."""
    service, home = (
        SERVICES["dashboards"],
        SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"],
    )
    options = [re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", word) for word in service["command"]]
    assert call([str(tmp_path) if word == "/dashboards" else word for word in options]) == 0
    assert (tmp_path / Path(home).relative_to("/etc/grafana/dashboards")).is_file()
    assert {mode(path) for path in tmp_path.rglob("*.json")} == {0o644}


def test_containers_can_read_what_is_theirs_and_others_of_the_host_nothing(site: Site) -> None:
    """The folder keeps others of the host out; broker files are for the gateway, and Mosquitto as its group."""
    assert mode(site.folder) == 0o700
    assert {mode(path) for path in site.broker.iterdir()} == {0o640}
    rest = [path for path in site.folder.rglob("*") if path.is_file() and path.parent != site.broker]
    assert {mode(path) for path in rest} == {0o644}
    data = site.folder.parent / "data"
    assert {mode(path) for path in data.rglob("*") if path.is_file()} == {0o600}


def test_settings_of_the_site_are_valid(site: Site, tmp_path: Path) -> None:
    """As the gateway in its container reads them, with the token that influx-setup makes."""
    data = site.folder.parent / "data"
    text = site.settings_file.read_text(encoding="utf-8").replace(DATA, str(data)).replace(BROKER, str(site.broker))
    token = tmp_path / "influx.token"
    token.write_text("a-token", encoding="utf-8")
    file = tmp_path / "hygeia.toml"
    file.write_text(text.replace(f"{data}/keys/influx.token", str(token)), encoding="utf-8")
    settings = load(file, environ={})
    assert settings.influx.token.get_secret_value() == "a-token"
    assert settings.mqtt.broker.port not in {8883, 8884}


def test_a_second_init_changes_nothing(site: Site) -> None:
    """Neither for the same site, nor for another one with the same data folder."""
    data = str(site.folder.parent / "data")
    before = content(site.folder.parent)
    assert call(["init", "--compose", str(site.folder), "--data-dir", data]) == 2
    assert call(["init", "--compose", str(site.folder), "--data-dir", f"{data}-2"]) == 2
    assert call(["init", "--compose", f"{site.folder}-2", "--data-dir", data]) == 2
    assert call(["init", "--data-dir", data]) == 2
    assert content(site.folder.parent) == before


def test_what_root_makes_in_the_folder_of_somebody_belongs_to_that_somebody(tmp_path: Path) -> None:
    """Setup runs as root: the site is the operator's, data and broker files are the gateway's."""
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    for name, owner in (("site", 4711), ("data", 10001)):
        (tmp_path / name).mkdir()
        os.chown(tmp_path / name, owner, owner)
    assert call(["init", "--compose", str(tmp_path / "site"), "--data-dir", str(tmp_path / "data")]) == 0
    site = Site(tmp_path / "site")
    for path in (*tmp_path.rglob("*"),):
        gateways = path.is_relative_to(site.broker) or path.is_relative_to(tmp_path / "data")
        assert (path.stat().st_uid, path.stat().st_gid) == ((10001,) * 2 if gateways else (4711,) * 2), path
    assert site.broker.stat().st_mode & stat.S_ISGID


@pytest.mark.parametrize("name", sorted(ONCE))
def test_what_runs_once_is_a_command_of_ours_and_not_part_of_health(name: str) -> None:
    """It ends, so nothing watches or restarts it."""
    service = SERVICES[name]
    assert service["healthcheck"] == {"disable": True}
    assert service["restart"] == "no"
    assert service["command"][0] in COMMANDS
