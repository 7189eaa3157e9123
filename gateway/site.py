"""What docker-compose.yml mounts from the site's folder: secrets, the gateway's settings, outlines.

Layout of the folder (mode 0700: the modes below are for the users of the containers, nobody else gets in)::

    hygeia.toml            settings of the gateway, 0644
    secrets/NAME           one secret a file, without a line break, 0644
    maps/districts.geojson outlines that Grafana draws, 0644
    broker/                files of Mosquitto (gateway.broker)
"""

from __future__ import annotations

import secrets
from pathlib import Path

from gateway.errors import StartError, UsageError

#: Where the containers see things.
DATA = "/var/lib/hygeia"
BROKER = "/etc/hygeia/broker"
SECRETS = "/run/secrets"
USER = "gateway"
#: Secrets that are random and nothing else.
RANDOM = (
    "influx_password",
    "influx_admin_token",
    "influx_grafana_password",
    "grafana_admin_password",
    "grafana_secret_key",
)
MQTT_URL = "gateway_mqtt_url"
_BYTES = 24
_NO_OUTLINES = '{"type": "FeatureCollection", "features": []}\n'
SETTINGS = f"""\
# Settings of the gateway in docker-compose.yml; docs/configuration.md has every key. Secrets stand in files.
time_zone = "Asia/Shanghai"

[data]
dir = "{DATA}"

[mqtt]
root = "hygeia/v1"
client_id = "hygeia"
url_file = "{SECRETS}/{MQTT_URL}"
ca = "{BROKER}/ca.pem"

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

    def write(self) -> str:
        """Write everything but the broker's files and the settings. Returns the gateway's address of the broker."""
        url = f"mqtts://{USER}:{secrets.token_hex(_BYTES)}@mosquitto:8883"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            for folder in (self.secrets, self.outlines.parent):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o755)
            for name in RANDOM:
                _put(self.secrets / name, secrets.token_hex(_BYTES))
            _put(self.secrets / MQTT_URL, url)
            if not self.outlines.exists():
                _put(self.outlines, _NO_OUTLINES)
        except OSError as error:
            raise StartError(f"{self.folder}: {error.strerror}; allowed: a folder that this user may write") from error
        return url

    def finish(self) -> None:
        """Write the settings: from now on the site is there."""
        try:
            _put(self.settings_file, SETTINGS)
        except OSError as error:
            raise StartError(f"{self.settings_file}: {error.strerror}; allowed: a folder to write in") from error


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
