"""A journal in memory for tests that look at the intake alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.memory_journal import MemoryJournal


@pytest.fixture
def memory_journal() -> Iterator[MemoryJournal]:
    """A journal in memory."""
    journal = MemoryJournal()
    yield journal
    journal.close()
