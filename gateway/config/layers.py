"""Where settings come from: the file, the environment and the options, each a layer that remembers the source of a key.

A layer holds leaves by their dotted key (``mqtt.url``). ``X_file`` of a secret X is read here, so that later steps see
X only.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource, SettingsError

from gateway.config.model import Settings

PREFIX = Settings.model_config.get("env_prefix", "")


def leaves(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of the settings with its field, in the order of the model."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from leaves(info.annotation, f"{name}.")
        else:
            yield prefix + name, info


KEYS: Mapping[str, FieldInfo] = dict(leaves())
SECTIONS = frozenset(key.split(".")[0] for key in KEYS if "." in key)
SECRETS = frozenset(key for key, info in KEYS.items() if info.annotation is SecretStr)
PATHS = frozenset(key for key, info in KEYS.items() if info.annotation in {Path, Path | None})


def variable(key: str) -> str:
    """The environment variable of a key."""
    return PREFIX + key.replace(".", "__").upper()


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
            if key.removesuffix("_file") in SECRETS and key not in KEYS:
                self._read_secret(key.removesuffix("_file"), key, value, tree)
            elif key in PATHS and isinstance(value, str) and value:
                self.values[key] = self.folder / value
            elif key in PATHS and not value:
                continue
            else:
                self.values[key] = value

    def _read_secret(self, key: str, file_key: str, value: object, tree: Mapping[str, Any]) -> None:
        named = variable(file_key) if self.source == "environment" else file_key
        section, _, name = key.rpartition(".")
        if name in tree.get(section, {}):
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
        if name in SECTIONS and isinstance(value, Mapping):
            yield from ((f"{name}.{key}", leaf) for key, leaf in value.items())
        else:
            yield name, value


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
    source.env_vars = {name.lower(): value for name, value in names.items() if name.upper().startswith(PREFIX)}
    try:
        layer.take(source())
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
