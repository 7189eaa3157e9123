"""A past in which nothing was decided."""

from __future__ import annotations

from typing import Any


class NoLookup:
    """``gateway.decide.fold.Lookup`` of an empty state."""

    def event(self, terminal: str, event_id: str, before: int) -> None:
        """No custody events."""

    def facts(self, entity: str, since: int | None, until: int | None, before: int) -> list[Any]:
        """No facts."""
        return []

    def named(self, event_id: str, before: int) -> list[Any]:
        """No facts."""
        return []

    def speaking(self, event_id: str, before: int) -> list[Any]:
        """No facts."""
        return []

    def head(self, entity: str, size: int) -> None:
        """No ledger entries."""

    def release(self) -> None:
        """Nothing is held."""

    def parked(self, wanted: dict[str, Any], before: int) -> list[Any]:
        """Nothing is parked."""
        return []
