"""Values, flags and times one by one: what senders write and what is made of it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from devices.validate import Channel, judge_flag, judge_value, shown, unix_ms

PLAIN = Channel("orp", "-", -2000.0, 2000.0)


@pytest.mark.parametrize(
    ("raw", "value", "qualifier"),
    [
        (7, 7.0, ""),
        (7.25, 7.25, ""),
        (-0.0, 0.0, ""),
        ("7.25", 7.25, ""),
        ("+7.", 7.0, ""),
        (".5", 0.5, ""),
        ("-1e2", -100.0, ""),
        ("\t12 \n", 12.0, ""),
        ("<0.02", 0.02, "<"),
        ("> 500", 500.0, ">"),
        ("＜0.02", 0.02, "<"),
    ],
)
def test_numbers_and_decimal_text(raw: Any, value: float, qualifier: str) -> None:
    """Numbers, decimal text, and a bound with its qualifier."""
    assert judge_value(raw, PLAIN) == (value, qualifier)


@pytest.mark.parametrize(
    "raw",
    [
        *(
            None,
            "",
            " ",
            "-",
            "--",
            "n/a",
            "nan",
            "NaN",
            "inf",
            "-Infinity",
            "0x10",
            "1_000",
            "1,5",
            "1e999",
            "<",
            "<<1",
        ),
        *("7 mg/L", "١٢", "7\u00a07", True, False, [], [1], {}, {"v": 1}, math.nan, math.inf, -math.inf, 10**400),
    ],
)
def test_what_is_no_number(raw: Any) -> None:
    """Nothing here is a measurement, and nothing raises."""
    assert judge_value(raw, PLAIN) == "not_a_number"


@pytest.mark.parametrize(("raw", "reason"), [(2000.1, "implausible"), ("-2001", "implausible"), (1e300, "implausible")])
def test_plausible_range_is_inclusive(raw: Any, reason: str) -> None:
    """The bounds themselves are plausible, what is beyond is not."""
    assert judge_value(raw, PLAIN) == reason
    assert judge_value(2000, PLAIN) == (2000.0, "")


def test_bounds_hold_after_the_conversion() -> None:
    """The range is in the catalogue's unit."""
    celsius = Channel("temperature", "-", -5.0, 60.0, a=5 / 9, b=-160 / 9)
    assert judge_value(139, celsius) == (pytest.approx(59.44, abs=0.01), "")
    assert judge_value(141, celsius) == "implausible"


def test_sentinel_comes_before_everything_else() -> None:
    """A sentinel is a sentinel also where it is no number or implausible."""
    channel = Channel("orp", "-", 0.0, 1.0, skip_numbers=frozenset({-99.0}), skip_texts=frozenset({"-99", "", "ERR"}))
    assert [judge_value(raw, channel) for raw in (-99, "-99", "-99.00", "", "ERR", " ERR ")] == ["sentinel"] * 6
    assert judge_value("err", channel) == "not_a_number"


@pytest.mark.parametrize(
    ("raw", "flag"),
    [
        (None, "N"),
        ("N", "N"),
        (" d ", "D"),
        ("Z", "Z"),
        ("4", "4"),
        ("", "?"),
        ("NN", "?"),
        ("正", "?"),
        (1, "?"),
        ([], "?"),
    ],
)
def test_flags(raw: Any, flag: str) -> None:
    """Known flags, other letters of an open table, and what nobody can read."""
    assert judge_flag(raw) == flag


@pytest.mark.parametrize(
    ("raw", "ms"),
    [
        (5, 5),
        (5.9, 5),
        ("5", 5),
        ("+5.7", 5),
        ("-5", -5),
        ("", None),
        ("5e3", None),
        ("5 5", None),
        (True, None),
        (None, None),
    ],
)
def test_ms(raw: Any, ms: int | None) -> None:
    """A number or numeric text; fractions are cut off."""
    assert unix_ms(raw) == ms


@pytest.mark.parametrize("raw", ["\ud800", "a" * 500, {"a": ["\udfff"]}, 10**399, math.nan, None, object(), "正" * 200])
def test_shown_is_short_and_can_be_written(raw: Any) -> None:
    """Whatever was refused can be listed."""
    text = shown(raw)
    assert len(text) <= 120
    assert text.encode().decode() == text
