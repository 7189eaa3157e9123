"""Rows of a recorded CSV as messages: units of values beyond a limit, and the hour that comes twice."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from devices.files.mapfile import MapFile
from gateway.drive.replay import Row, rows
from gateway.errors import UsageError


def mapping(form: str = "%Y-%m-%d %H:%M", zone: str = "UTC") -> MapFile:
    """One column in the catalogue's unit, one in another."""
    columns = {"ph": {"parameter": "ph"}, "cl": {"parameter": "chlorine_free", "unit": "ug/L"}}
    time = {"column": "t", "format": form, "zone": zone}
    return MapFile.model_validate({"device": "d-1", "time": time, "columns": columns})


def read(tmp_path: Path, lines: list[str], how: MapFile) -> list[Row]:
    """The rows of a file with these lines; none may be left out."""
    file = tmp_path / "some.csv"
    file.write_text("\n".join(["t,ph,cl", *lines]), encoding="utf-8")
    left_out: list[str] = []
    found = list(rows(file, how, left_out.append))
    assert not left_out
    return found


def values(row: Row) -> Any:
    """What a row's message says."""
    return msgspec.json.decode(row.payload)["values"]


@pytest.mark.parametrize(("cell", "sent"), [("<20", "<0.02"), ("> 1500", "> 1.5"), ("＜20", "＜0.02"), ("300", 0.3)])
def test_a_value_beyond_a_limit_is_converted_too(tmp_path: Path, cell: str, sent: object) -> None:
    """The number behind the sign is in the unit of the catalogue, the sign stays; both columns are points."""
    (row,) = read(tmp_path, [f"2024-01-01 00:00,<7,{cell}"], mapping())
    assert (values(row), row.points) == ({"ph": "<7", "chlorine_free": sent}, 2)


@pytest.mark.parametrize("cell", ["-", "broken", "<", "< n.d.", "nan"])
def test_what_is_no_number_is_sent_but_is_no_point(tmp_path: Path, cell: str) -> None:
    """The gateway refuses such a value by name, so it may not count as a reading that was published."""
    (row,) = read(tmp_path, [f"2024-01-01 00:00,7.1,{cell}"], mapping())
    assert (values(row), row.points) == ({"ph": 7.1, "chlorine_free": cell}, 1)


def autumn(form: str) -> tuple[list[str], list[int]]:
    """Three days of 20 minutes around the end of summer time in New York, as texts and as ms since 1970."""
    begin = datetime(2017, 11, 4, 4, tzinfo=UTC)
    moments = [begin + timedelta(minutes=20 * n) for n in range(216)]
    texts = [moment.astimezone(ZoneInfo("America/New_York")).strftime(form) for moment in moments]
    return texts, [round(moment.timestamp() * 1000) for moment in moments]


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M"])
def test_the_hour_that_comes_twice_arrives_once_each(tmp_path: Path, form: str) -> None:
    """The order of the rows tells the passes apart, so no two rows have one time."""
    texts, times = autumn(form)
    assert len(times) == 216
    how = mapping("iso8601" if "T" in form else form, "America/New_York")
    assert [row.at for row in read(tmp_path, [f"{text},7,300" for text in texts], how)] == times


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M%z", "iso8601"])
def test_a_time_with_its_own_offset_is_never_moved(tmp_path: Path, form: str) -> None:
    """A row that was recorded late stays where its offset puts it."""
    lines = ["2017-11-05T01:40-0400,7,1", "2017-11-05T01:00-0400,7,1"]
    first, second = read(tmp_path, lines, mapping(form, "America/New_York"))
    assert first.at - second.at == 40 * 60_000


def test_rows_out_of_order_elsewhere_in_the_year_are_not_moved(tmp_path: Path) -> None:
    """Only the hour that comes twice has a second meaning."""
    lines = ["2017-11-06 01:40,7,1", "2017-11-06 01:00,7,1"]
    first, second = read(tmp_path, lines, mapping(zone="America/New_York"))
    assert first.at - second.at == 40 * 60_000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("bad.csv.gz", b"t,ph,cl\n", "Not a gzipped file"),
        ("half.csv.gz", gzip.compress(b"t,ph,cl\n" * 9, mtime=0)[:-9], "end-of-stream"),
        ("utf16.csv", "t,ph,cl\n".encode("utf-16"), "byte 0 is not UTF-8"),
        ("nul.csv", b"t,ph,cl\n" + b"x" * 200_000, "field larger"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """The file is named with what is wrong and what is allowed."""
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UsageError, match=words) as caught:
        list(rows(file, mapping(), lambda _: None))
    assert str(file) in str(caught.value)
    assert "allowed" in str(caught.value)
