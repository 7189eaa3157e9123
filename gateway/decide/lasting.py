"""The newest folds of containers and manifests, so that one that nothing changed is not folded again (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from custody.container import Container
from custody.manifest import Manifest

#: Ids of containers, and manifests, that are remembered; the others are folded when they are asked for.
CONTAINERS = 10_000
MANIFESTS = 500


class LastContainers:
    """Containers by every one of their ids."""

    def __init__(self) -> None:
        self._of: dict[str, Container] = {}

    def get(self, text: str) -> Container | None:
        """The container of an id as it was folded last; None where it has to be folded."""
        return self._of.get(text)

    def keep(self, one: Container) -> None:
        """Remember a container as it is now."""
        for known in one.ids:
            if len(self._of) >= CONTAINERS:
                del self._of[next(iter(self._of))]
            self._of[known.v] = one

    def forget(self, containers: Iterable[Container], texts: Iterable[str]) -> None:
        """These are others now."""
        for text in texts:
            self._of.pop(text, None)
        for one in containers:
            for known in one.ids:
                self._of.pop(known.v, None)

    def clear(self) -> None:
        """Remember nothing."""
        self._of.clear()


class LastManifests:
    """Manifests by their number."""

    def __init__(self) -> None:
        self._of: dict[str, Manifest] = {}

    def get(self, name: str) -> Manifest | None:
        """The manifest as it was folded last; None where it has to be folded."""
        return self._of.get(name)

    def keep(self, name: str, one: Manifest) -> None:
        """Remember a manifest as it is now."""
        if len(self._of) >= MANIFESTS:
            del self._of[next(iter(self._of))]
        self._of[name] = one

    def forget(self, names: Iterable[str]) -> None:
        """These are others now."""
        for name in names:
            self._of.pop(name, None)

    def clear(self) -> None:
        """Remember nothing."""
        self._of.clear()
