"""What every test shares: a blocking call in the event loop fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster, blockbuster_ctx

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
# A plugin may import another one before pytest does.
pytest.register_assert_rewrite("tests.plugins", "tests.support")
pytest_plugins = [
    f"tests.plugins.{path.stem}"
    for path in sorted((ROOT / "tests" / "plugins").glob("*.py"))
    if path.stem != "__init__"
]


@pytest.fixture(autouse=True)
def no_blocking_call_in_the_event_loop() -> Iterator[BlockBuster]:
    """Blocking calls of the project inside a running event loop raise BlockingError."""
    with blockbuster_ctx(scanned_modules=["gateway", "devices", "alerts", "custody", "dashboards"]) as blockbuster:
        yield blockbuster


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real series and vectors; tests that want it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("../shared with the real series and vectors is absent")
    return SHARED
