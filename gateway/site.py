"""What docker-compose.yml mounts from the site's folder: secrets, the gateway's settings, outlines.

Layout of the folder (mode 0700: the modes below are for the users of the containers, nobody else gets in)::

    hygeia.toml            settings of the gateway, 0644
    secrets/NAME           one secret a file, without a line break, 0644
    maps/districts.geojson outlines that Grafana draws, 0644
    broker/                files of Mosquitto (gateway.broker), 0640: of the gateway, read by Mosquitto as its group
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from gateway.errors import StartError, UsageError

#: Where the containers see things.
DATA = "/var/lib/hygeia"
BROKER = "/etc/hygeia/broker"
#: The gateway has a listener of its own, which is not published, and a client certificate instead of a password.
MQTT_URL = "mqtts://gateway@mosquitto:8885"
GATEWAY_PORT = 8885
BROKER_HOSTS = ("mosquitto", "localhost")
#: The broker's files and sessions, as Mosquitto sees them.
MOSQUITTO, MOSQUITTO_DATA = "/mosquitto/config", "/mosquitto/data/"
#: Secrets that are random and nothing else.
GRAFANA_READS = "influx_grafana_password"
SECRETS = (
    "influx_password",
    "influx_admin_token",
    GRAFANA_READS,
    "grafana_admin_password",
    "grafana_secret_key",
)
_BYTES = 24
_NO_OUTLINES = '{"type": "FeatureCollection", "features": []}\n'
SETTINGS = f"""\
# Settings of the gateway in docker-compose.yml; docs/configuration.md has every key. No secret stands here.
# The time zone is HYGEIA_TIME_ZONE of .env: for gateway, dashboards and Grafana alike.

[data]
dir = "{DATA}"

[mqtt]
root = "hygeia/v1"
client_id = "hygeia"
url = "{MQTT_URL}"
ca = "{BROKER}/ca.pem"
cert = "{DATA}/keys/gateway.pem"
key = "{DATA}/keys/gateway.key"

[timeseries]
store = "influx"

[influx]
url = "http://influxdb:8086"
org = "hygeia"
bucket = "hygeia"
token_file = "{DATA}/keys/influx.token"

[http]
# In the container; published on 127.0.0.1 of the host only.
listen = "0.0.0.0:8080"
"""


class Site:
    """The folder ``folder``. Making the object touches nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.settings_file = self.folder / "hygeia.toml"
        self.broker = self.folder / "broker"
        self.secrets = self.folder / "secrets"
        self.outlines = self.folder / "maps" / "districts.geojson"

    def refuse_existing(self) -> None:
        """Raise UsageError where a site was made here before; the settings are written last, so they tell."""
        if self.settings_file.exists():
            raise UsageError(f"{self.folder}: there is a site already; nothing was changed")

    def write(self) -> None:
        """Write secrets and outlines. Raises StartError."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            for folder in (self.secrets, self.outlines.parent):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o755)
            for name in SECRETS:
                _put(self.secrets / name, secrets.token_hex(_BYTES))
            if not self.outlines.exists():
                _put(self.outlines, _NO_OUTLINES)
        except OSError as error:
            raise StartError(f"{self.folder}: {error.strerror}; allowed: a folder that this user may write") from error

    def secret(self, name: str) -> str:
        """The text of a secret that was written."""
        return (self.secrets / name).read_text(encoding="utf-8")

    def finish(self) -> None:
        """Write the settings: from now on the site is there."""
        try:
            _put(self.settings_file, SETTINGS)
        except OSError as error:
            raise StartError(f"{self.settings_file}: {error.strerror}; allowed: a folder to write in") from error


def hand_over(folder: Path, model: Path) -> None:
    """What root makes in the folder of somebody belongs to that somebody: the owner of ``model``. Else nothing."""
    owner = model.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        # A change of owner takes the mark away by which new files get the group of the folder.
        path.chmod(stat.S_IMODE(mode))


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
