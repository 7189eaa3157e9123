"""Names, kinds and producer profiles of what custody speaks of, from the registry as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from custody.profiles import DEFAULT
from gateway.api.context import Context


class Names:
    """For one answer; what is not registered any more keeps its id."""

    def __init__(self, context: Context) -> None:
        self._registry = context.services.registry()
        self._places = context.whereabouts().places

    def of(self, section: str, name: str) -> Any:  # noqa: ANN401 - a text, or one in each language
        """The name of an entry, its id where it has none; None for an empty id."""
        if not name:
            return None
        return (self._registry.get(section, name) or {}).get("name") or name

    def many(self, section: str, names: Iterable[str]) -> dict[str, Any]:
        """The names of several entries by id."""
        return {name: self.of(section, name) for name in sorted({*names}) if name}

    def kind(self, place: str) -> str:
        """The kind of a place, empty where it has none."""
        return str((self._registry.get("places", place) or {}).get("kind") or "")

    def unit(self, place: str) -> str:
        """The unit of a place, its own or inherited."""
        spot = self._places.get(place)
        return spot.unit if spot else ""

    def producer(self, unit: str) -> str:
        """The producer profile of a unit."""
        return str((self._registry.get("units", unit) or {}).get("producer") or DEFAULT)

    def body(self, section: str, name: str) -> dict[str, Any]:
        """What the registry says of an entry, empty where it says nothing."""
        return self._registry.get(section, name) or {}

    def matching(self, section: str, word: str) -> list[str]:
        """Entries with ``word`` (lower case) in id or name."""
        found = []
        for one in self._registry.ids(section):
            name = (self._registry.get(section, one) or {}).get("name") or ""
            written = " ".join(str(part) for part in name.values()) if isinstance(name, dict) else str(name)
            if word in f"{one} {written}".lower():
                found.append(one)
        return found
