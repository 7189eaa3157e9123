"""Times of other makers: formats, zones, the hours that come twice or never."""

from __future__ import annotations

from typing import Any

import pytest

from devices.codecs.times import TimeFormatError, compile_time


@pytest.mark.parametrize(
    ("form", "zone", "raw", "ms"),
    [
        ("unix_s", None, 1_732_200_000, 1_732_200_000_000),
        ("unix_s", None, 1_732_200_000.123, 1_732_200_000_123),
        ("unix_s", None, "1732200000.5", 1_732_200_000_500),
        ("unix_s", None, "-1", -1000),
        ("unix_ms", None, "1732200000000", 1_732_200_000_000),
        ("iso8601", None, "2024-11-21T14:40:00Z", 1_732_200_000_000),
        ("iso8601", None, "2024-11-21 22:40:00+08:00", 1_732_200_000_000),
        ("iso8601", "Asia/Shanghai", "2024-11-21 22:40:00.250", 1_732_200_000_250),
        ("iso8601", "Asia/Shanghai", "2024-11-21T14:40:00Z", 1_732_200_000_000),
        ("iso8601", None, "2016-08-03 09:49:00", 1_470_217_740_000),
        ("%m/%d/%Y %H:%M:%S", None, "02/21/2006 00:20:00", 1_140_481_200_000),
        ("%m/%d/%Y %H:%M:%S", "America/New_York", "02/21/2006 00:20:00", 1_140_499_200_000),
        ("%Y%m%d%H%M%S", "Asia/Shanghai", 20241121224000, 1_732_200_000_000),
        ("%Y%m%d%H%M%S%f", "Asia/Shanghai", "20241121224000857", 1_732_200_000_857),
        ("%Y-%m-%d %H:%M:%S%z", "Asia/Shanghai", "2024-11-21 14:40:00+0000", 1_732_200_000_000),
    ],
)
def test_format_and_zone_give_ms(form: str, zone: str | None, raw: Any, ms: int) -> None:
    """Every format of DESIGN 4.6, as number and as text."""
    assert compile_time(form, zone)(raw) == ms


@pytest.mark.parametrize("form", ["unix_s", "unix_ms", "iso8601", "%Y-%m-%d"])
@pytest.mark.parametrize("raw", [None, "", "-", "soon", [], {}, True, float("nan"), float("inf"), "9" * 400, "١٢٣"])
def test_what_is_no_time_is_none(form: str, raw: Any) -> None:
    """No input makes a reader raise."""
    assert compile_time(form, None)(raw) is None


@pytest.mark.parametrize("raw", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-02-30", 10**50])
def test_times_at_the_edge_never_raise(raw: Any) -> None:
    """The first and the last year, days that do not exist."""
    for form in ("iso8601", "unix_s", "%Y-%m-%dT%H:%M:%S%z"):
        found = compile_time(form, "Asia/Shanghai")(raw)
        assert found is None or isinstance(found, int)


def test_hour_that_comes_twice_is_the_first_of_the_two() -> None:
    """On 2024-10-27 Berlin has 02:30 twice: the first, at +02:00, is meant."""
    read = compile_time("iso8601", "Europe/Berlin")
    assert read("2024-10-27 02:30:00") == compile_time("iso8601")("2024-10-27T00:30:00Z")
    assert read("2024-10-27 03:00:00") == compile_time("iso8601")("2024-10-27T02:00:00Z")


def test_hour_that_never_was_counts_with_the_offset_before() -> None:
    """On 2024-03-31 Berlin has no 02:30: it is read as 02:30 at +01:00."""
    assert compile_time("iso8601", "Europe/Berlin")("2024-03-31 02:30:00") == compile_time("iso8601")(
        "2024-03-31T01:30:00Z"
    )


@pytest.mark.parametrize(
    ("form", "zone", "says"),
    [
        ("unix", None, "unix_s"),
        ("", None, "iso8601"),
        ("%Y-%Q", None, "cannot be read back"),
        ("iso8601", "Mars/Olympus", "IANA"),
        ("iso8601", "../etc/passwd", "IANA"),
        ("unix_s", "Nowhere", "IANA"),
    ],
)
def test_unknown_format_or_zone_says_what_is_allowed(form: str, zone: str | None, says: str) -> None:
    """A source's mistake is one line with the value and what is allowed."""
    with pytest.raises(TimeFormatError, match=says):
        compile_time(form, zone)
