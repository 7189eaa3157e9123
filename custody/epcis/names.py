"""What things are called in EPCIS: URIs of GS1 where a tag carries one, else https URIs of the installation's own.

A GS1 company prefix is never invented: what has none is called ``BASE/id/KIND/NAME`` (CBV 2.0 allows private URIs).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from custody.container import Container
from custody.fact import ContainerId, Fact

#: An absolute URI of RFC 3986 without a fragment; IP literals, which no EPC has, are left out.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")


class Names:
    """The URIs of one document. The ids of a container in ``containers`` all have the one URI of that container."""

    def __init__(self, base: str, containers: Iterable[Container] = ()) -> None:
        self._base = quote(base.rstrip("/"), safe=":/?@!$&'()*+,;=~%-._[]")
        self.vocabulary = f"{self._base}/voc/"
        self._containers: dict[str, str] = {}
        for container in containers:
            tags = sorted(one.uri for one in container.ids if _URI.fullmatch(one.uri))
            uri = tags[0] if tags else self.of("container", container.id)
            self._containers |= dict.fromkeys([container.id, *(one.v for one in container.ids)], uri)

    def of(self, kind: str, *parts: str) -> str:
        """The installation's own URI of a thing."""
        return "/".join([self._base, "id", kind, *(quote(part, safe="", errors="replace") for part in parts)])

    def container(self, one: ContainerId) -> str:
        """The URI of the container with this id."""
        known = self._containers.get(one.v)
        return known or (one.uri if _URI.fullmatch(one.uri) else self.of("container", one.v))

    def event(self, fact: Fact) -> str:
        """The eventID: terminal and the id that it minted."""
        return self.of("event", fact.terminal, fact.id)
