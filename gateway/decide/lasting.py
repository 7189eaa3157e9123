"""The newest folds of containers, so that one that nothing changed is not folded again (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from custody.container import Container

#: Ids of containers that are remembered; the others are folded when they are asked for.
CONTAINERS = 10_000


class LastContainers:
    """Containers by every one of their ids."""

    def __init__(self) -> None:
        self._of: dict[str, Container] = {}

    def get(self, text: str) -> Container | None:
        """The container of an id as it was folded last; None where it has to be folded."""
        return self._of.get(text)

    def replace(self, before: Iterable[Container], after: Iterable[Container]) -> None:
        """These were, and these are instead."""
        for one in before:
            for known in one.ids:
                self._of.pop(known.v, None)
        for one in after:
            for known in one.ids:
                if len(self._of) >= CONTAINERS:
                    del self._of[next(iter(self._of))]
                self._of[known.v] = one

    def clear(self) -> None:
        """Remember nothing."""
        self._of.clear()
