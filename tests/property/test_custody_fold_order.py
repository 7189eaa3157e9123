"""The fold depends on the set of known facts only, in whatever order and however often they came."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from custody.container import Container
from custody.fact import ContainerId, Fact
from custody.fold import container, containers, touched
from custody.judge import once
from custody.known import Remembered
from tests.support.container_story import (
    COLLECTOR,
    DRIVER,
    GATE,
    HOMES,
    KEEPER,
    MINUTE,
    NURSE,
    PROFILES,
    START,
    scale,
)

LABELS = ("A", "B", "C", "D")
TAGS = ("30AA", "30BB")
BINS = ("BIN", "BOX")
TEXTS = (*LABELS, *TAGS, *BINS)
TIES = (("BOX", "30FF"),)
STEPS = (
    *("pack", "collect", "move", "store_in", "store_out", "load", "depart", "arrive", "receive", "unload", "unpack"),
    *("dispose", "confirm", "split", "merge", "refuse", "inspect", "hold", "lost", "found", "void", "correct"),
    *("bin_clean", "pack", "pack", "collect", "load", "load", "receive", "confirm", "void", "correct", "nonsense"),
)
#: Explaining a failure would fold for minutes.
FOLDING = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
PEOPLE = st.sampled_from([None, NURSE, COLLECTOR, KEEPER, DRIVER, GATE])


def _id(text: str) -> ContainerId:
    return ContainerId("epc" if text in TAGS else "qr", text)


@st.composite
def _facts(draw: st.DrawFn) -> list[Fact]:
    """Up to 14 events of a few containers, bins and groups; some speak of another one."""
    count = draw(st.integers(1, 14))
    names = [f"e{number}" for number in range(count)]
    return [draw(_fact(number, names)) for number in range(count)]


@st.composite
def _fact(draw: st.DrawFn, number: int, names: list[str]) -> Fact:
    step = draw(st.sampled_from(STEPS))
    home = HOMES[draw(st.sampled_from(sorted(HOMES)))]
    least = 0 if step in {"depart", "arrive", "receive", "confirm", "void", "correct", "unpack"} else 1
    ids = draw(st.lists(st.sampled_from(TEXTS), min_size=least, max_size=2, unique=True))
    inside = step in {"pack", "unpack", "split", "merge"} and draw(st.booleans())
    ts = START + draw(st.integers(0, 40)) * MINUTE
    return Fact(
        offset=number + 1,
        decided=number + 1,
        id=names[number],
        terminal=f"T{draw(st.integers(1, 2))}",
        step=step,
        ts=ts,
        received_at=ts + 1000,
        seq=number,
        ids=tuple(map(_id, ids)),
        parent=_id(draw(st.sampled_from((*BINS, "A")))) if inside else None,
        weight=draw(st.sampled_from([None, None, scale(1000), scale(2000), scale(5000, "estimated")])),
        category=draw(st.sampled_from(["", "sharps", "infectious"])),
        spot=home,
        home=home,
        by=draw(PEOPLE),
        with_=draw(PEOPLE),
        of=draw(st.sampled_from(names)) if step in {"confirm", "void", "correct"} else "",
        reason=draw(st.sampled_from(["", "reason"])) if step in {"void", "correct"} else "",
        approved_by=draw(PEOPLE),
        manifest=draw(st.sampled_from(["", "M", "N"])),
        vehicle=draw(st.sampled_from(["", "V"])),
    )


def _all(known: Remembered) -> dict[str, Container | None]:
    return {text: container(known, text, PROFILES) for text in TEXTS}


@settings(FOLDING, max_examples=40)
@given(_facts(), st.randoms(use_true_random=False))
def test_the_order_and_number_of_arrivals_changes_nothing(facts: list[Fact], rng: random.Random) -> None:
    """The same containers with the same conditions, and the same as a fold of several at once."""
    straight = _all(Remembered(facts, TIES))
    shuffled = facts + facts[: len(facts) // 2]
    rng.shuffle(shuffled)
    known = Remembered(shuffled, TIES)
    texts = list(TEXTS)
    rng.shuffle(texts)

    assert _all(known) == straight
    together = {one.id: one for one in containers(known, texts, PROFILES)}
    assert together == {one.id: one for one in straight.values() if one is not None}


@settings(FOLDING, max_examples=40)
@given(_facts())
def test_whatever_changes_is_touched(facts: list[Fact]) -> None:
    """A container that one more fact changes is among those that ``touched`` names, before or after."""
    known = Remembered(ties=TIES)
    before = _all(known)
    for fact in facts:
        asked = set(touched(known, fact))
        known.add(fact)
        asked.update(touched(known, fact))
        after = _all(known)
        for text in TEXTS:
            if after[text] != before[text]:
                one = after[text] or before[text]
                assert one is not None
                mine = {text, *(known_id.v for known_id in one.ids)}
                assert asked & mine, (text, fact, sorted(asked))
        once(fact, containers(known, sorted(asked), PROFILES), PROFILES)
        before = after


@settings(FOLDING, max_examples=20)
@given(_facts(), st.integers(0, 14))
def test_what_was_known_at_an_earlier_moment_is_the_fold_of_what_was_there(facts: list[Fact], moment: int) -> None:
    """As known at T is the fold over the facts until T: knowing more later does not change what was known."""
    known = Remembered(ties=TIES)
    for fact in facts[:moment]:
        known.add(fact)
    then = _all(known)
    for fact in facts[moment:]:
        known.add(fact)
    earlier = Remembered([fact for fact in facts if fact.offset <= moment], TIES)

    assert _all(earlier) == then
