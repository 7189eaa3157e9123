"""Line protocol of each item, letter by letter."""

from __future__ import annotations

import pytest

from devices.reading import Row
from gateway.store.base import AlertPoint, CustodyPoints, Item, Quiet, Tags, Telemetry
from gateway.store.lines import Lines, Slots, custody_series, name, plain, quoted

TAGS = Tags("wq-1", "water", "wtp-1-out", "wtp-1", "gulou")
PREFIX = "water,device=wq-1,district=gulou,place=wtp-1-out,point=-,unit=wtp-1"


def row(ts: int, value: float, flag: str | None = None, *, late: bool = False) -> Telemetry:
    """A message with one pH."""
    flags = [flag] if flag else None
    return Telemetry(ts, ts, 1, TAGS, [Row("-", ts, ("ph",), [value], flags=flags, late=[True] if late else None)])


def texts(lines: Lines, *items: Item, **more: object) -> list[str]:
    """The lines of a batch as text."""
    return [text.decode() for text in lines.build(items, **more).texts]  # type: ignore[arg-type]


def test_the_first_line_of_a_series_says_its_flags_and_the_next_do_not() -> None:
    """What was written before this start is not known, so the first line speaks."""
    lines = Lines()
    assert texts(lines, row(1000, 7.25), row(2000, -0.5)) == [
        f'{PREFIX} ph=7.25,ph_flag="N" 1000000000',
        f"{PREFIX} ph=-0.5 2000000000",
    ]


def test_all_parameters_of_a_row_stand_in_one_line() -> None:
    """One field a parameter, in the order of the row, and the readings are counted."""
    lines = Lines()
    two = Telemetry(0, 0, 1, TAGS, [Row("in", 5, ("ph", "orp"), [7.0, 650.5])])
    lines.build([two])
    built = lines.build([Quiet(1, 1), two])
    assert built.texts == [f"{PREFIX} ph=7.0,orp=650.5 5000000".replace("point=-", "point=in").encode()]
    assert (built.items, built.points) == ([1], [2])


def test_a_flag_is_said_until_it_was_said_that_it_is_normal_again() -> None:
    """M is written, and the first N after it."""
    lines = Lines()
    lines.build([row(1, 7.0)])
    said = ["_flag" in text for text in texts(lines, row(2, 7.0, "M"), row(3, 7.0), row(4, 7.0), row(5, 7.0, "N"))]
    assert said == [True, True, False, False]


def test_a_late_flag_does_not_change_what_the_newest_was() -> None:
    """A late row says its own flag, and the live series goes on as before."""
    lines = Lines()
    lines.build([row(10, 7.0)])
    late = row(5, 7.0, "M", late=True)
    assert texts(lines, late, row(11, 7.0), fresh={(5, 0, 0)}) == [
        f'{PREFIX} ph=7.0,ph_flag="M" 5000000',
        f"{PREFIX} ph=7.0 11000000",
    ]


def test_late_values_that_are_not_fresh_are_not_written() -> None:
    """What is known or in conflict makes no line."""
    assert texts(Lines(), row(5, 7.0, late=True)) == []


def test_forgetting_says_all_flags_again() -> None:
    """Lines that may not have arrived are not relied on."""
    lines = Lines()
    first = texts(lines, row(1, 7.0))
    lines.forget()
    assert texts(lines, row(1, 7.0)) == first


def test_a_qualifier_is_a_field_of_its_own() -> None:
    """<0.02 is 0.02 with qualifier <."""
    below = Telemetry(0, 0, 1, TAGS, [Row("-", 1, ("chlorine_free",), [0.02], qualifiers=["<"])])
    lines = Lines()
    lines.build([Telemetry(0, 0, 1, TAGS, [Row("-", 0, ("chlorine_free",), [0.3])])])
    assert texts(lines, below) == [f'{PREFIX} chlorine_free=0.02,chlorine_free_q="<" 1000000']


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a b", "a\\ b"),
        ("a,b=c", "a\\,b\\=c"),
        ("", "-"),
        ("a\\", "a＼"),
        ("a\nb\tc\x7f", "a␊b␉c␡"),
        ("水厂", "水厂"),
        ("100%", "100%"),
    ],
)
def test_names_and_tags_are_escaped_and_what_cannot_be_said_gets_a_picture(text: str, written: str) -> None:
    """Comma, equals and space take a backslash; backslash and control characters another letter."""
    assert name(text) == written
    assert plain(plain(text)) == plain(text)


def test_a_percent_sign_in_a_name_survives_the_prepared_line() -> None:
    """The prepared text of a series is a format, and names do not disturb it."""
    odd = Telemetry(0, 0, 1, Tags("d%s", "water", "100%d"), [Row("%b", 1, ("a%r",), [1.5])])
    lines = Lines()
    lines.build([odd])
    assert texts(lines, odd) == ["water,device=d%s,district=-,place=100%d,point=%b,unit=- a%r=1.5 1000000"]


def test_text_fields_are_quoted() -> None:
    """Quotes and backslashes are escaped, anything else stands as it is."""
    assert quoted('a"b\\c, d') == '"a\\"b\\\\c, d"'


def test_a_group_weight_stands_in_the_first_line_and_an_own_one_with_its_container() -> None:
    """A weight over several containers is never divided or repeated."""
    scale = Tags("scale-1", "terminal", "store")
    group = CustodyPoints(1, 0, 1, scale, 5, "collect", "sharps", "e1", ["a", "b"], {"net_g": 900, "gross_g": 950})
    own = CustodyPoints(2, 0, 1, scale, 6, "collect", "sharps", "e2", ["c"], {"net_g": 400, "tare_g": 20})
    bare = CustodyPoints(3, 0, 1, scale, 7, "move", "sharps", "e3", ["d", "e"], {})
    where = custody_series("scale-1", "store", "collect", "sharps")
    assert where == "custody,category=sharps,device=scale-1,place=store,step=collect"
    fields = [text.removeprefix(where).rsplit(" ", 1)[0].strip() for text in texts(Lines(), group, own, bare)]
    assert fields[:3] == [
        'container="a",event_id="e1",group_net_g=900.0,group_n=2.0',
        'container="b",event_id="e1"',
        'container="c",event_id="e2",net_g=400.0,tare_g=20.0',
    ]
    assert "_g" not in fields[3]


def test_an_alert_without_a_value_has_no_value_field() -> None:
    """Absent numbers are absent fields; an empty device is -."""
    alert = AlertPoint(9, 2, Tags("", "", "p"), 5, "-", "absence", "major", "active", "al-1", None, float("inf"))
    (text,) = texts(Lines(), alert)
    series, fields, at = text.split(" ")
    assert series == "alert,device=-,place=p,point=-,rule=absence,severity=major,state=active"
    assert fields == 'alert_id="al-1"'
    assert int(at) // 1_000_000 == 5


def test_a_slot_that_another_holds_is_passed_over_and_the_own_one_is_found_again() -> None:
    """A replay over what it wrote itself comes to the same times."""
    taken: dict[tuple[str, int], str] = {}
    first = [Slots(taken).take("s", 5, offset, 0, f"e{offset}") for offset in (7, 1_000_007, 2_000_007)]
    assert first == [first[0], first[0] + 1, first[0] + 2]
    assert [Slots(taken).take("s", 5, offset, 0, f"e{offset}") for offset in (7, 1_000_007, 2_000_007)] == first
    assert Slots(taken).take("s", 6, 7, 0, "x") == first[0] + 1_000_000
