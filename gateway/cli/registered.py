"""The registry of an installation as commands read and change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from devices.registry import Change, Registry
from gateway.client import Door


def registry_of(door: Door) -> tuple[Registry, dict[str, dict[str, Any]]]:
    """The whole registry of an installation, and the private data of people by id."""
    document = door.get("registry")
    registry = Registry()
    rows = [(one["kind"], one["id"], msgspec.json.encode(one["body"])) for one in document["entries"]]
    registry.load(rows, document["version"])
    return registry, {one["id"]: one["body"] for one in document["private"]}


def versions_of(door: Door) -> dict[str, int]:
    """The version of the credentials in force at the broker, by account."""
    rows = door.get("credentials")["items"]
    return {one["name"]: one["version"] for one in rows if one["revoked_at"] is None}


def apply(
    door: Door, changes: Sequence[Change], file: str, private: Mapping[str, dict[str, Any]] | None = None
) -> None:
    """Change the registry; ``file`` is where the changes come from. Raises RefusedError with all faults."""
    kept = [{"id": name, "body": body} for name, body in (private or {}).items()]
    door.command("registry.apply", {"changes": msgspec.to_builtins(changes), "private": kept, "file": file})
