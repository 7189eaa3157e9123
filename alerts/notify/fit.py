"""A text that knows how to be cut to what a channel takes (pure)."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from alerts.notify.terms import TERMS


class Text(msgspec.Struct, frozen=True):
    """A notice in words, see ``alerts.notify.text``.

    ``line`` is all of it on one line without its list, ``items`` the list of a digest. ``values`` are the parts that
    registered templates are filled with, by the names of ``templates.VARIABLES``.
    """

    language: str
    title: str
    line: str
    head: tuple[str, ...]
    items: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()
    values: dict[str, str] = {}

    def body(self, most: int | None = None, size: Callable[[str], int] | None = None, end: str = "\n") -> str:
        """The lines, each but the last with ``end``, of at most ``most`` by ``size`` (bytes of UTF-8 by default)."""
        measure = size or byte_length
        fixed = [*self.head, *self.foot]
        whole = end.join([*self.head, *self.items, *self.foot])
        if most is None or measure(whole) <= most:
            return whole
        if not self.items:
            return cut(end.join(fixed), most, measure)
        shown = self._fitting(most - measure(end.join([*fixed, self._more(len(self.items))])), measure, end)
        lines = [*self.head, *self.items[:shown], self._more(len(self.items) - shown), *self.foot]
        return cut(end.join(lines), most, measure)

    def _fitting(self, room: int, measure: Callable[[str], int], end: str) -> int:
        """How many items fit into ``room``."""
        for number, item in enumerate(self.items):
            room -= measure(item + end)
            if room < 0:
                return number
        return len(self.items)

    def _more(self, number: int) -> str:
        return TERMS[self.language]["more"].format(n=number)


def byte_length(text: str) -> int:
    """Bytes of UTF-8."""
    return len(text.encode())


def cut(text: str, most: int, size: Callable[[str], int] = len) -> str:
    """``text``, or its beginning with an ellipsis, of at most ``most`` by ``size``; never a part of a character."""
    if size(text) <= most:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(text[:middle] + "…") <= most else (low, middle - 1)
    return text[:low] + "…" if size("…") <= most else ""
