"""The settings as a commented file and as the page docs/configuration.md, both made from the model."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from pydantic import ByteSize, SecretStr

from gateway.config.layers import KEYS, SECRETS, variable
from gateway.config.load import allowed
from gateway.config.model import Settings

_WIDTH = 100


def example(settings: Settings) -> str:
    """A valid ``hygeia.toml``: every key, commented out at its default but for the data folder, which is the file's."""
    lines = [
        "# Settings of Hygeia. Every key may also be an environment variable (mqtt.url is HYGEIA_MQTT__URL), and a",
        "# secret may stand in a file of its own (mqtt.url_file, HYGEIA_MQTT__URL_FILE). Relative paths start at the",
        "# folder of this file. A key that is commented out has the value that is shown.",
    ]
    section = None
    for key in KEYS:
        if key.split(".")[0] != section:
            section = key.split(".")[0]
            lines.append("")
        lines += [f"# {line}" for line in textwrap.wrap(_sentence(key), _WIDTH)]
        value = default(settings, key)
        if key == "data.dir":
            lines.append('data.dir = "."')
        else:
            lines.append(f"# {key} = {value}")
    return "\n".join(lines) + "\n"


def default(settings: Settings, key: str) -> str:
    """The value of ``key`` in TOML, ``""`` where it is not set. Only for settings without secrets of anybody."""
    value: object = settings
    for part in key.split("."):
        value = getattr(value, part)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None:
        return '""'
    if isinstance(value, ByteSize):
        value = value.human_readable().replace(".0", "")
    if isinstance(value, tuple | list):
        return json.dumps(list(value), ensure_ascii=False)
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def page() -> str:
    """docs/configuration.md."""
    settings = Settings()
    lines = [
        "# Configuration",
        "",
        "<!-- Made by `make docs` from gateway/config/model.py; do not edit. -->",
        "",
        "Settings stand in `hygeia.toml`. An option of the command line overrides the environment, the environment the",
        "file, the file the defaults. `hygeia init` writes a file with every key. A wrong configuration lists all its",
        "faults, each with key, value, where it was written and what is allowed, and exits 2 before anything opens.",
        "",
        "Which file: the one of `--config`, else `hygeia.toml` in the folder of `--data-dir`; without both",
        "`./hygeia.toml`, else `hygeia.toml` in the folder of `HYGEIA_DATA__DIR` or `/var/lib/hygeia`, else defaults.",
        "",
        "Secrets (marked) are never shown in a log or an error. Each may stand in a file of its own, without the last",
        'line break: `influx.token_file = "token.txt"` or `HYGEIA_INFLUX__TOKEN_FILE=/run/secrets/token`.',
        "Relative paths in the file start at its folder, in the environment and in options at the working folder.",
        "Other variables: `HYGEIA_LANG` (`zh` or `en`) sets the language of tables and advice.",
    ]
    section = None
    for key in KEYS:
        name = key.partition(".")[0] if "." in key else "General"
        if name != section:
            section = name
            lines += ["", f"## {section}", "", "| key | variable | default | allowed | what |", "|---|---|---|---|---|"]
        value = default(settings, key)
        shown = "-" if value == '""' else f"`{value}`"
        mark = " (secret)" if key in SECRETS else ""
        what = (KEYS[key].description or "").replace("|", "\\|")
        lines.append(f"| `{key}`{mark} | `{variable(key)}` | {shown} | {allowed(key)} | {what} |")
    return "\n".join(lines) + "\n"


def _sentence(key: str) -> str:
    text = (KEYS[key].description or "").replace("`", "")
    return f"{text} Allowed: {allowed(key)}."
