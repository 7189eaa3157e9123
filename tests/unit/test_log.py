"""Logs: one line an event, in both forms, without secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.log import configure


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Give the root logger back its handlers."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    """What was logged, an object a line."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_events_and_library_lines_have_one_form() -> None:
    """In json form an event and a line of the standard library are both one object with level and time."""
    stream = io.StringIO()
    configure("info", "json", stream)
    structlog.get_logger().info("broker_connected", address="mqtt://127.0.0.1:1883")
    logging.getLogger("anything").warning("disk %s", "full")
    first, second = lines(stream)
    assert (first["event"], first["level"], first["address"]) == ("broker_connected", "info", "mqtt://127.0.0.1:1883")
    assert (second["event"], second["level"]) == ("disk full", "warning")
    assert str(first["timestamp"]).endswith("Z")


def test_no_secret_reaches_a_line() -> None:
    """Passwords in addresses, tokens in queries and values under telling names are hidden, nested ones too."""
    stream = io.StringIO()
    configure("debug", "json", stream)
    structlog.get_logger().info(
        "refused by mqtt://gate:s3cret@broker:1883",
        url="https://hook/send?access_token=s3cret&x=1",
        influx_token="s3cret",
        settings={"password": "s3cret", "hosts": ["mqtts://a:s3cret@b"]},
    )
    logging.getLogger("library").error("cannot reach http://admin:s3cret@influx:8086")
    text = stream.getvalue()
    assert "s3cret" not in text
    assert "mqtt://gate:***@broker:1883" in text
    assert "&x=1" in text


def test_a_level_hides_what_is_below_it() -> None:
    """At warning an info event writes nothing."""
    stream = io.StringIO()
    configure("warning", "console", stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()
