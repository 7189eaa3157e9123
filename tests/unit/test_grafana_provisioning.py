"""The files that Grafana provisions itself from: keys that it knows, secrets from files, mounts of the compose file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
import yaml

from dashboards.grafana.publish import Source

ROOT = Path(__file__).resolve().parents[2]
Read = TypeVar("Read")
FOLDER = ROOT / "deploy" / "grafana" / "provisioning"


class Options(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Where a provider finds its files."""

    path: str
    folders_from_files_structure: bool = False


class Provider(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A provider of dashboards, by Grafana's page "Provision Grafana"."""

    name: str
    type: Literal["file"]
    options: Options
    org_id: int = 1
    folder: str = ""
    folder_uid: str = ""
    disable_deletion: bool = False
    allow_ui_updates: bool = False
    update_interval_seconds: int = 10


class Providers(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A file below provisioning/dashboards."""

    api_version: Literal[1]
    providers: list[Provider]


class SourceOptions(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What the InfluxDB data source reads of jsonData, for InfluxQL."""

    db_name: str
    http_mode: Literal["GET", "POST"]
    version: Literal["InfluxQL"] = "InfluxQL"
    time_interval: str = ""
    max_series: int = 1000


class SecureOptions(msgspec.Struct, forbid_unknown_fields=True):
    """Its secrets."""

    password: str


class DataSource(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A data source."""

    name: str
    uid: str
    type: Literal["influxdb"]
    access: Literal["proxy"]
    url: str
    user: str
    json_data: SourceOptions
    secure_json_data: SecureOptions
    org_id: int = 1
    is_default: bool = False
    editable: bool = True


class DataSources(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A file below provisioning/datasources."""

    api_version: Literal[1]
    datasources: list[DataSource]
    prune: bool = False


def read(kind: str, model: type[Read]) -> Read:
    """The one file of a kind."""
    (file,) = (FOLDER / kind).glob("*.yaml")
    return msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), model)


def test_the_data_source_is_influxql_over_post_with_its_secret_in_a_file() -> None:
    """The same that publishing makes, so that either way gives the same dashboards."""
    (source,) = read("datasources", DataSources).datasources
    assert source.secure_json_data.password == "$__file{/run/secrets/influx_grafana_password}"
    wanted = Source("http://influxdb:8086", "grafana").wanted()
    assert (source.name, source.uid, source.type, source.access) == (
        wanted["name"], wanted["uid"], wanted["type"], wanted["access"],
    )  # fmt: skip
    options = {"dbName": source.json_data.db_name, "httpMode": source.json_data.http_mode}
    assert options | {"version": source.json_data.version} == wanted["jsonData"]
    assert not source.editable


def test_each_language_has_a_provider_whose_files_nobody_edits() -> None:
    """Names and folders are unique, as Grafana asks; the paths are those that 'build' writes."""
    providers = read("dashboards", Providers).providers
    assert [Path(one.options.path).name for one in providers] == ["zh", "en"]
    assert len({one.folder for one in providers}) == len({one.name for one in providers}) == len(providers)
    assert not any(one.allow_ui_updates for one in providers)


def test_every_dollar_sign_is_a_file_or_escaped() -> None:
    """Grafana replaces $NAME and ${NAME} in these files; $$ is a dollar sign."""
    for file in FOLDER.rglob("*.yaml"):
        text = re.sub(r"(?m)^\s*#.*$", "", file.read_text(encoding="utf-8"))
        assert re.sub(r"\$\$|\$__file\{/run/secrets/\w+\}", "", text).count("$") == 0, file


def test_compose_mounts_the_files_and_gives_the_secret() -> None:
    """What the provisioning names is there in the container."""
    compose: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    grafana = compose["services"]["grafana"]
    mounts = [str(one).rsplit(":", 1)[0] if str(one).endswith(":ro") else str(one) for one in grafana["volumes"]]
    targets = {mount.partition(":")[2]: mount.partition(":")[0] for mount in mounts}
    assert targets["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"
    for provider in read("dashboards", Providers).providers:
        assert str(Path(provider.options.path).parent) in targets
    assert "influx_grafana_password" in grafana["secrets"]
