"""Numbered labels: what number a label has, and which ranges of numbers overlap (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

#: So many digits at the end of a label are its number.
_DIGITS = 18


class Numbers(NamedTuple):
    """Labels with the same text before ``digits`` digits, ``first`` to ``last`` inclusive."""

    prefix: str
    digits: int
    first: int
    last: int


def split_label(text: str) -> tuple[str, int, int]:
    """(text before the digits at the end, how many digits, their number)."""
    digits = text[len(text.rstrip("0123456789")) :][-_DIGITS:]
    return text[: len(text) - len(digits)], len(digits), int(digits or 0)


def numbers_of(body: Mapping[str, Any]) -> Numbers:
    """The labels of an entry of ``labels``: digits at the end of its prefix are part of the number."""
    digits = body["digits"]
    prefix, total, first = split_label(f"{body['prefix']}{body['first']:0{digits}d}")
    return Numbers(prefix, total, first, split_label(f"{body['prefix']}{body['last']:0{digits}d}")[2])
