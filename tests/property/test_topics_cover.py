"""Which topic filters cover which: against what they match."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from devices.topics import covers, matches, uncovered

LEVELS = ("a", "b", "", "$S")
#: Longer than any filter below, so that what a filter leaves open is tried.
TOPICS = [list(topic) for depth in range(1, 5) for topic in product(LEVELS, repeat=depth)]
FILTERS = st.builds(
    lambda levels, tail: [*levels, *tail] or ["#"],
    st.lists(st.sampled_from((*LEVELS, "+")), max_size=3),
    st.sampled_from([[], ["#"]]),
)


@given(FILTERS, FILTERS)
def test_a_filter_covers_exactly_those_whose_topics_it_matches(wide: list[str], narrow: list[str]) -> None:
    """Every topic of the narrow one is one of the wide one, and where it is not, some topic shows it."""
    narrower = {tuple(topic) for topic in TOPICS if matches(narrow, topic)}
    wider = {tuple(topic) for topic in TOPICS if matches(wide, topic)}
    # A level that no filter names stands for all others.
    if "+" in narrow or "#" in narrow:
        fresh = ["x" if level == "+" else level for level in narrow if level != "#"]
        for tail in ([], ["x"], ["x", "x"]):
            if (fresh or tail) and matches(narrow, fresh + tail):
                narrower.add(tuple(fresh + tail))
                wider |= {tuple(fresh + tail)} if matches(wide, fresh + tail) else set()
    assert covers(wide, narrow) == (narrower <= wider)


@given(st.lists(FILTERS, max_size=5))
def test_what_is_left_matches_the_same_and_covers_nothing_of_itself(filters: list[list[str]]) -> None:
    """No topic is lost, and no two filters that are left cover each other."""
    left = [one.split("/") for one in uncovered("/".join(one) for one in filters)]
    for topic in TOPICS:
        assert any(matches(one, topic) for one in left) == any(matches(one, topic) for one in filters)
    assert not [1 for one in left for other in left if one is not other and covers(one, other)]
