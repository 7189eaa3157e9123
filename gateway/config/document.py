"""The settings as a commented file and as the page docs/configuration.md, both made from the model."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from pydantic import ByteSize, SecretStr

from gateway.config.channels import KINDS, ChannelKind
from gateway.config.channels import SECRETS as HIDDEN
from gateway.config.layers import KEYS, SECRETS, variable
from gateway.config.load import allowed
from gateway.config.model import Settings

_WIDTH = 100
_CHANNEL_EXAMPLE = (
    "[alerts.channels.duty-robot]",
    'kind = "dingtalk"',
    'url_file = "keys/robot.url"',
    'secret_file = "keys/robot.secret"',
    "",
    "[alerts.channels.mail]",
    'kind = "email"',
    'host = "smtp.example"',
    'username = "hygeia"',
    'password_file = "keys/mail.password"',
    'sender = "hygeia@example.org"',
)


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
    lines += [
        "",
        "# Channels by which people are told are tables, at the end of the file. See docs/configuration.md. Such as:",
    ]
    lines += [f"#   {line}".rstrip() for line in _CHANNEL_EXAMPLE]
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
    return "\n".join([*lines, *_channels()]) + "\n"


def _channels() -> list[str]:
    lines = [
        "",
        "## Channels",
        "",
        "Ways by which people are told. Each has a table of its own with a name that routing files use:",
        "",
        *(f"    {line}" if line else "" for line in _CHANNEL_EXAMPLE),
        "",
        "The variable of `alerts.channels.duty-robot.secret` is `HYGEIA_ALERTS__CHANNELS__DUTY_ROBOT__SECRET`,",
        "with `_FILE` behind it where a file holds the secret; lists and tables are written as JSON there.",
        "`alerts.webhook` is the channel called `webhook`. What the kinds do: [channels](channels.md),",
        "[local channels](channels-local.md), [webhook](webhook.md).",
        "",
        "Keys that every kind has:",
        "",
        *_table(ChannelKind, frozenset()),
    ]
    for name, kind in KINDS.items():
        lines += ["", f'### kind = "{name}"', "", " ".join((kind.__doc__ or "").split()), ""]
        lines += _table(kind, frozenset(ChannelKind.model_fields) | {"kind"})
    return lines


def _table(kind: type[ChannelKind], without: frozenset[str]) -> list[str]:
    lines = ["| key | default | allowed | what |", "|---|---|---|---|"]
    for name, info in kind.model_fields.items():
        if name in without:
            continue
        shown = info.default.get_secret_value() if isinstance(info.default, SecretStr) else info.default
        usual = "**needed**" if info.is_required() else "-" if not shown and shown != 0 else f"`{shown}`"
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        mark = " (secret)" if name in HIDDEN else ""
        lines.append(f"| `{name}`{mark} | {usual} | {extra.get('allowed', '')} | {info.description} |")
    return lines


def _sentence(key: str) -> str:
    text = (KEYS[key].description or "").replace("`", "")
    return f"{text} Allowed: {allowed(key)}."
