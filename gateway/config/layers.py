"""Where settings come from: the file, the environment and the options, each a layer that remembers the source of a key.

A layer holds leaves by their dotted key (``mqtt.url``). ``X_file`` of a secret X is read here, so that later steps see
X only.

A channel's keys have the name of the channel in them (``alerts.channels.duty.url``). In the environment that name is
upper case with ``_`` for ``-``; ``agree_on_names`` gives such keys the name that the file writes.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource, SettingsError

from gateway.config import channels
from gateway.config.model import Settings

#: The section of the channels: a table of tables.
CHANNELS = "alerts.channels"
PREFIX = Settings.model_config.get("env_prefix", "")


def leaves(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of the settings with its field, in the order of the model."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from leaves(info.annotation, f"{name}.")
        elif prefix + name != CHANNELS:
            yield prefix + name, info


KEYS: Mapping[str, FieldInfo] = dict(leaves())
SECTIONS = frozenset(key.split(".")[0] for key in KEYS if "." in key)
SECRETS = frozenset(key for key, info in KEYS.items() if info.annotation is SecretStr)
PATHS = frozenset(key for key, info in KEYS.items() if info.annotation in {Path, Path | None})


def channel_key(key: str) -> tuple[str, str] | None:
    """Name of the channel and key of one of its settings; None for every other key."""
    name, dot, own = key.removeprefix(f"{CHANNELS}.").rpartition(".")
    return (name, own) if dot and key.startswith(f"{CHANNELS}.") else None


def is_secret(key: str) -> bool:
    """Whether the value of a key is never shown."""
    channel = channel_key(key)
    return key in SECRETS if channel is None else channel[1] in channels.SECRETS


def _may_stand_in_a_file(key: str) -> bool:
    channel = channel_key(key)
    return key in SECRETS if channel is None else channel[1] in channels.FILED


def _is_path(key: str) -> bool:
    channel = channel_key(key)
    return key in PATHS if channel is None else channel[1] in channels.PATHS


def variable(key: str) -> str:
    """The environment variable of a key."""
    return PREFIX + key.replace(".", "__").replace("-", "_").upper()


@dataclass
class Layer:
    """Leaves of one source; relative paths start at ``folder``.

    ``faults`` says what could not be read: the secrets in ``unread``, or the whole source where ``unreadable``.
    """

    source: str
    folder: Path
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    unreadable: bool = False

    def origin(self, key: str) -> str:
        """Where the value of ``key`` was written, for a person."""
        return self.origins.get(key, self.source)

    def take(self, tree: Mapping[str, Any]) -> None:
        """Add a nested mapping: paths are made absolute, secrets read from the files that ``X_file`` names."""
        for key, value in _flatten(tree):
            if key.endswith("_file") and key not in KEYS and _may_stand_in_a_file(key.removesuffix("_file")):
                self._read_secret(key.removesuffix("_file"), key, value, tree)
            elif _is_path(key) and isinstance(value, str) and value:
                self.values[key] = self.folder / value
            elif _is_path(key) and not value:
                continue
            else:
                self.values[key] = value

    def _read_secret(self, key: str, file_key: str, value: object, tree: Mapping[str, Any]) -> None:
        named = variable(file_key) if self.source == "environment" else file_key
        if key in dict(_flatten(tree)):
            self.faults.append(f"{named} (from {self.source}): {key} is given as well; write one of the two")
            return
        file = self.folder / str(value)
        try:
            self.values[key] = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            # The name itself is not shown: people paste the secret where the file's name belongs.
            self.faults.append(f"{named} (from {self.source}): {reason}; allowed: the name of a file with the secret")
            self.unread.add(key)
        self.origins[key] = f"{file}, named by {named} in {self.source}"


def _flatten(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if name not in SECTIONS or not isinstance(value, Mapping):
            yield name, value
            continue
        for key, leaf in value.items():
            if f"{name}.{key}" == CHANNELS and isinstance(leaf, Mapping):
                yield from _flatten_channels(leaf)
            else:
                yield f"{name}.{key}", leaf


def _flatten_channels(tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, body in tree.items():
        if isinstance(body, Mapping) and body:
            yield from ((f"{CHANNELS}.{name}.{key}", leaf) for key, leaf in body.items())
        else:
            # Not a channel, or one without a key: its kind is what is missing or wrong.
            yield f"{CHANNELS}.{name}.kind", "" if isinstance(body, Mapping) else body


def file_layer(path: Path) -> Layer:
    """Read a TOML file; one that is absent, unreadable or no TOML is a fault."""
    layer = Layer(str(path), path.absolute().parent)
    try:
        with path.open("rb") as file:
            layer.take(tomllib.load(file))
    except OSError as error:
        layer.unreadable = True
        layer.faults.append(f"{path}: {error.strerror}; allowed: a configuration file, see 'hygeia init'")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        layer.unreadable = True
        layer.faults.append(f"{path}: not TOML: {error}")
    return layer


def environment_layer(environ: Mapping[str, str] | None = None) -> Layer:
    """Read ``HYGEIA_SECTION__KEY`` and ``HYGEIA_SECTION__KEY_FILE`` from the environment."""
    names = os.environ if environ is None else environ
    layer = Layer("environment", Path.cwd())
    source = EnvSettingsSource(Settings, env_nested_delimiter="__", env_prefix=PREFIX)
    ours = {name: value for name, value in names.items() if name.upper().startswith(PREFIX)}
    source.env_vars = {name.lower(): value for name, value in ours.items() if not _channel_variable(name)}
    try:
        layer.take(source())
        layer.take({"alerts": {"channels": _channels_of_environment(ours)}})
    except SettingsError as error:
        layer.unreadable = True
        layer.faults.append(f"environment: {error}; set single keys, such as {variable('mqtt.url')}")
    for name in names:
        # Without "__" a name may be anybody's: Kubernetes sets HYGEIA_PORT for a service called hygeia.
        section, _, rest = name.removeprefix(PREFIX).lower().partition("__")
        if name.startswith(PREFIX) and rest and section not in SECTIONS:
            layer.values[f"{section}.{rest}"] = names[name]
    for key in layer.values:
        layer.origins.setdefault(key, f"environment variable {variable(key)}")
    return layer


def _channel_variable(name: str) -> list[str]:
    """Name and key of a channel's variable ``HYGEIA_ALERTS__CHANNELS__NAME__KEY``, in lower case; else empty."""
    parts = name.upper().removeprefix(PREFIX).lower().split("__")
    return parts[2:] if parts[:2] == CHANNELS.split(".") and len(parts) > 2 else []


def _channels_of_environment(names: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    tree: dict[str, dict[str, Any]] = {}
    for variable_name, text in names.items():
        name, *keys = _channel_variable(variable_name) or [""]
        if name:
            tree.setdefault(name, {})["__".join(keys) or "kind"] = _leaf(text)
    return tree


def _leaf(text: str) -> object:
    """A list or a table is written as JSON, everything else as it is."""
    if text[:1] in {"[", "{"}:
        with suppress(json.JSONDecodeError):
            return json.loads(text)
    return text


def agree_on_names(environment: Layer, others: Sequence[Layer]) -> None:
    """Give channels of the environment the name that another source writes: ``duty_sms`` may be its ``Duty-SMS``."""
    found = (channel_key(key) for layer in others for key in layer.values)
    written = {_folded(channel[0]): channel[0] for channel in found if channel is not None}

    def renamed(key: str) -> str:
        channel = channel_key(key)
        return key if channel is None else f"{CHANNELS}.{written.get(_folded(channel[0]), channel[0])}.{channel[1]}"

    environment.values = {renamed(key): value for key, value in environment.values.items()}
    environment.origins = {renamed(key): origin for key, origin in environment.origins.items()}
    environment.unread = {renamed(key) for key in environment.unread}


def _folded(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")
