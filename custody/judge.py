"""What is wrong with one event, told once: from its flags and from what its containers are after it (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from custody.container import Condition, Container, Seen
from custody.fact import Fact, Weight
from custody.happening import AMENDING, key_of
from custody.profile import Profile
from custody.ties import ties

#: A report within this time is not worth a word; what is too late, rules say.
PROMPT_MS = 3_600_000
#: These change nothing of what was destroyed.
_HARMLESS = AMENDING | {"confirm", "bin_clean"}
_FLAGS = ("unknown_badge", "not_a_terminal", "unknown_step")


def once(fact: Fact, containers: Sequence[Container], profiles: Mapping[str, Profile]) -> list[Condition]:
    """All that is to be told of ``fact``; ``containers`` are those with it in their history, as they are after it."""
    concerned = [one for one in containers if any(seen.fact.offset == fact.offset for seen in one.history)]
    found = [*_said(fact, concerned), *_expected(fact, concerned, profiles), *_weight(fact, concerned, profiles)]
    event = f"event:{fact.terminal}:{fact.id}"
    about = f"container:{concerned[0].id}" if len(concerned) == 1 else event
    told = [Condition(f"custody.{name}", about, fact.ts, fact.spot, value) for name, value in found]
    for one in concerned:
        told += [Condition(f"custody.{name}", f"container:{one.id}", fact.ts, fact.spot) for name in _each(fact, one)]
    if _no_container(fact) and not any(one.quantity == "custody.unknown_id" for one in told):
        told.append(Condition("custody.unknown_id", event, fact.ts, fact.spot))
    return told


def _said(fact: Fact, concerned: Sequence[Container]) -> Iterator[tuple[str, float]]:
    """By the event itself."""
    for name in _FLAGS:
        if name in fact.flags:
            yield name, 1.0
    if fact.signature == "bad":
        yield "bad_signature", 1.0
    late = fact.received_at - fact.ts
    if late > PROMPT_MS:
        yield "late_report", late / 1000
    if fact.step in AMENDING and not any(_seen(one, fact).counts for one in concerned):
        spoken_of = any(seen.fact.id == fact.of for one in concerned for seen in one.history)
        yield "no_second_badge" if fact.reason and spoken_of else "out_of_sequence", 1.0


def _expected(
    fact: Fact, concerned: Sequence[Container], profiles: Mapping[str, Profile]
) -> Iterator[tuple[str, float]]:
    """What the profile of the producer asks of the step."""
    profile = _profile(fact, concerned, profiles)
    if profile is None:
        return
    badges = {one.badge for one in (fact.by, fact.with_) if one is not None}
    if fact.step in profile.two and len(badges) < 2:
        yield "no_second_badge", 1.0
    if fact.ids and fact.step in profile.weighed and not _has_weight(fact.weight):
        yield "not_weighed", 1.0
    if fact.weight is not None and fact.weight.mode == "typed" and profile.weighed:
        yield "typed_weight", 1.0


def _weight(fact: Fact, concerned: Sequence[Container], profiles: Mapping[str, Profile]) -> Iterator[tuple[str, float]]:
    if "bad_weight" in fact.flags:
        yield "implausible_weight", 1.0
        return
    net = fact.weight.net_g if fact.weight is not None else None
    profile = _profile(fact, concerned, profiles)
    if net is None or profile is None:
        return
    named = [one for one in concerned if not fact.ids or any(known.v in fact.names for known in one.ids)]
    number = max(1, sum(max(1, len(one.members)) for one in named))
    if net > profile.most_g * number or net < 0:
        yield "implausible_weight", 1.0


def _each(fact: Fact, one: Container) -> Iterator[str]:
    """Of one container."""
    seen = _seen(one, fact)
    if fact.step not in _HARMLESS and _after_destruction(fact, seen, one):
        yield "after_destruction"
    if one.state == "quarantined" and not seen.inferred and fact.step not in AMENDING:
        yield "unknown_id"
    if any(fact.offset in pair for pair in one.contradictions):
        yield "out_of_sequence"
    if ties(fact) and _torn(one):
        yield "swapped_label"


def _after_destruction(fact: Fact, seen: Seen, one: Container) -> bool:
    """Whether it comes after a ``dispose``, or is one and something comes after it; what is inferred does not count."""
    if seen.inferred or not seen.counts:
        return False
    cycle = [other for other in one.history if other.cycle == seen.cycle and other.counts and not other.inferred]
    key = key_of(fact)
    if any(other.fact.step == "dispose" and key_of(other.fact) < key for other in cycle):
        return True
    return fact.step == "dispose" and any(
        other.fact.step not in _HARMLESS and key_of(other.fact) > key for other in cycle
    )


def _torn(one: Container) -> bool:
    """Whether a tie of its history does not hold: the ids of that event are not all its own."""
    texts = {known.v for known in one.ids}
    return any(seen.counts and ties(seen.fact) and not texts.issuperset(seen.fact.names) for seen in one.history)


def _no_container(fact: Fact) -> bool:
    return "no_identity" in fact.flags


def _profile(fact: Fact, concerned: Sequence[Container], profiles: Mapping[str, Profile]) -> Profile | None:
    producer = next((one.producer for one in concerned if one.producer), fact.spot.producer)
    if not producer:
        return None
    return profiles.get(producer) or profiles.get("hospital")


def _has_weight(weight: Weight | None) -> bool:
    return weight is not None and (weight.net_g is not None or weight.gross_g is not None)


def _seen(one: Container, fact: Fact) -> Seen:
    return next(seen for seen in one.history if seen.fact.offset == fact.offset)
