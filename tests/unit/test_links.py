"""Tokens of acknowledge links: what this installation made, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import links

KEY = b"k" * 32


@given(st.integers(0, links.LARGEST_OFFSET), st.integers(0, 2**32 - 1))
def test_a_token_leads_back_to_its_row(offset: int, n: int) -> None:
    """Under the key that made it, and under no other."""
    token = links.make(KEY, offset, n)
    assert links.parse(KEY, token) == (offset, n)
    assert links.parse(b"j" * 32, token) is None
    assert len(token) == links.LENGTH


def test_the_same_row_has_the_same_token() -> None:
    """A message that is sent again carries the same link, and rows differ."""
    assert links.make(KEY, 5, 1) == links.make(KEY, 5, 1)
    assert links.make(KEY, 5, 1) != links.make(KEY, 5, 2)


def test_every_changed_character_makes_another_token_that_leads_nowhere() -> None:
    """No bit of it is free: one row has one spelling."""
    token = links.make(KEY, 1_234_567, 8)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for index, was in enumerate(token):
        for letter in letters.replace(was, ""):
            assert links.parse(KEY, token[:index] + letter + token[index + 1 :]) is None


@pytest.mark.parametrize("text", ["", "x", "A" * 37, "A" * 38, "A" * 39, "=" * 38, "é" * 38, " " * 38, "\x00" * 38])
def test_whatever_is_no_token_is_none(text: str) -> None:
    """Without an error."""
    assert links.parse(KEY, text) is None
