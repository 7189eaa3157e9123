"""Settings from file, environment and options, or all faults at once."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from gateway.config.channels import FIELDS, FILED
from gateway.config.checks import broken_channels, faults_between_keys
from gateway.config.layers import (
    CHANNELS,
    KEYS,
    SECRETS,
    SECTIONS,
    Layer,
    agree_on_names,
    channel_key,
    environment_layer,
    file_layer,
    is_secret,
    variable,
)
from gateway.config.model import Settings
from gateway.errors import ConfigurationError

FILE_NAME = "hygeia.toml"


def load(
    config: Path | None = None,
    data_dir: Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    made_later: Collection[str] = (),
) -> Settings:
    """Read and check the settings of an installation.

    An option overrides the environment, the environment the file, the file the defaults. Without ``config`` the file
    is ``DIR/hygeia.toml`` of ``data_dir`` where it exists; without both ``./hygeia.toml``, else the one in the data
    folder that environment or default name. ``environ`` is the process's own unless given. ``made_later`` names secrets
    that the caller is about to make: what is wrong with them is no fault, and they are empty.

    Raises:
        ConfigurationError: with one line a fault, all of them.
    """
    environment = environment_layer(environ)
    layers = [environment]
    if data_dir is not None:
        options = Layer("option --data-dir", Path.cwd())
        options.take({"data": {"dir": str(data_dir)}})
        layers.insert(0, options)
    file = config or _default_file(data_dir, environment)
    if file is not None:
        layers.append(file_layer(file))
        agree_on_names(environment, layers[-1:])
    settings, faults = _settle(layers)
    later = tuple(f"{name}{end}" for key in made_later for name in (key, variable(key)) for end in (":", "_", " "))
    faults = [fault for fault in faults if not later or not fault.startswith(later)]
    if faults:
        raise ConfigurationError(faults)
    return settings


def _default_file(data_dir: Path | None, environment: Layer) -> Path | None:
    usual = environment.values.get("data.dir", KEYS["data.dir"].default)
    candidates = [data_dir / FILE_NAME] if data_dir is not None else [Path(FILE_NAME), Path(usual) / FILE_NAME]
    return next((file for file in candidates if file.is_file()), None)


def _settle(layers: list[Layer]) -> tuple[Settings, list[str]]:
    """Settings and all faults; keys with a fault are left out, so that the rest is still checked together."""
    faults = [fault for layer in layers for fault in layer.faults]
    faults += _remove_unknown(layers)
    broken = {key for layer in layers for key in layer.unread}
    values = {key: value for layer in reversed(layers) for key, value in layer.values.items()}
    while True:
        try:
            settings = Settings(**_nest({key: value for key, value in values.items() if not _left_out(key, broken)}))
        except ValidationError as error:
            wrong = {_key_of(item["loc"]): item for item in error.errors(include_url=False)}
            faults += [_fault(key, values, layers, item["type"], item["msg"]) for key, item in wrong.items()]
            broken |= wrong.keys()
        else:
            break
    between = faults_between_keys(settings, broken)
    if any(layer.unreadable for layer in layers):
        # What seems to be missing may stand in what could not be read.
        between = ((key, reason) for key, reason in between if key in values)
    return settings, faults + [
        _line(key, _shown(key, values.get(key, _default(key))), _origin(key, layers), reason) for key, reason in between
    ]


def _left_out(key: str, broken: set[str]) -> bool:
    """Keys with a fault, and channels with one: without that key the rest of a channel makes no sense."""
    channel = channel_key(key)
    return key in broken or (channel is not None and channel[0] in broken_channels(broken))


def _remove_unknown(layers: list[Layer]) -> Iterator[str]:
    for layer in layers:
        for key in [key for key in layer.values if key not in KEYS and channel_key(key) is None]:
            layer.values.pop(key)
            yield _unknown(key, layer)


def _unknown(key: str, layer: Layer) -> str:
    if key == CHANNELS:
        return f"{key} (from {layer.origin(key)}): this is a section; allowed: [{key}.NAME] with keys under it"
    if key in SECTIONS:
        return f"{key} (from {layer.origin(key)}): this is a section; allowed: [{key}] with keys under it"
    written = [*KEYS, *(f"{secret}_file" for secret in SECRETS), *([] if "." in key else SECTIONS)]
    near = difflib.get_close_matches(key, written, n=1, cutoff=0.0)[0]
    name = f"{near} ({variable(near)})" if layer.source == "environment" else near
    return f"{key} (from {layer.origin(key)}): there is no such key; the nearest is {name}"


def _key_of(location: tuple[int | str, ...]) -> str:
    """The dotted key of a pydantic location: what follows the key (an index of a list) is left out."""
    if location[:2] == ("alerts", "channels"):
        # alerts, channels, NAME, the tag of its kind, key; a fault of the kind itself ends after the name.
        return f"{CHANNELS}.{location[2]}.{location[4] if len(location) > 4 else 'kind'}"
    return next(key for key in (".".join(map(str, location[:size])) for size in (2, 1)) if key in KEYS)


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        channel = channel_key(key)
        if channel is not None:
            channels = tree.setdefault("alerts", {}).setdefault("channels", {})
            channels.setdefault(channel[0], {})[channel[1]] = value
            continue
        section, _, name = key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = value
    return tree


def _fault(key: str, values: Mapping[str, Any], layers: list[Layer], kind: str, message: str) -> str:
    channel = channel_key(key)
    if channel is not None:
        return _channel_fault(key, values, layers, kind, message)
    reason = message.removeprefix("Value error, ") + "; " if kind == "value_error" else ""
    return _line(key, _shown(key, values[key]), _origin(key, layers), f"{reason}allowed: {allowed(key)}")


def _channel_fault(key: str, values: Mapping[str, Any], layers: list[Layer], kind: str, message: str) -> str:
    name, own = channel_key(key) or ("", "")
    fields = FIELDS.get(str(values.get(f"{CHANNELS}.{name}.kind", "")), {})
    origin = _origin(key, layers)
    if kind == "extra_forbidden":
        written = [*fields, *(f"{secret}_file" for secret in sorted(FILED & fields.keys()))]
        near = difflib.get_close_matches(own, written, n=1, cutoff=0.0)[0]
        return f"{key} (from {origin}): there is no such key; the nearest is {CHANNELS}.{name}.{near}"
    reason = message.removeprefix("Value error, ") + "; " if kind == "value_error" else ""
    words = f"{reason}allowed: {_allowed_in(own, fields)}"
    return (
        _line(key, _shown(key, values[key]), origin, words)
        if key in values
        else f"{key} (from {origin}): it is missing; {words}"
    )


def _allowed_in(own: str, fields: Mapping[str, FieldInfo]) -> str:
    return ", ".join(FIELDS) if own == "kind" else _words(fields[own])


def allowed(key: str) -> str:
    """What may be written for a key, in words."""
    return _words(KEYS[key])


def _words(info: FieldInfo) -> str:
    extra = info.json_schema_extra
    return str(extra["allowed"]) if isinstance(extra, dict) else ""


def _shown(key: str, value: object) -> str:
    # Somebody may have put a credential into an address where none belongs.
    if is_secret(key) or (isinstance(value, str) and "://" in value and ("@" in value or "?" in value)):
        return "(not shown)"
    return repr(str(value) if isinstance(value, Path) else value)


def _default(key: str) -> object:
    return KEYS[key].default if key in KEYS else ""


def _origin(key: str, layers: list[Layer]) -> str:
    found = next((layer.origin(key) for layer in layers if key in layer.values), None)
    channel = channel_key(key)
    if found is None and channel is not None:
        # A key that is not written: where its channel is.
        kind = f"{CHANNELS}.{channel[0]}."
        found = next((layer.origin(one) for layer in layers for one in layer.values if one.startswith(kind)), None)
    return found or "default"


def _line(key: str, value: str, origin: str, reason: str) -> str:
    return f"{key} = {value} (from {origin}): {reason}"
