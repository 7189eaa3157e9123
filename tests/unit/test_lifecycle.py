"""The states of an alert and what moves it."""

from __future__ import annotations

import pytest

from alerts.lifecycle import (
    CLOSE_REASONS,
    HELD,
    MOVES,
    Event,
    Plain,
    Reason,
    State,
    TransitionError,
    check,
    follow,
    plain,
)


@pytest.mark.parametrize(
    ("events", "end"),
    [
        ([Event.FIRED], State.ACTIVE),
        ([Event.FIRED, Event.CLEARED], State.RETURNED),
        ([Event.FIRED, Event.CLEARED, Event.FIRED], State.ACTIVE),
        ([Event.FIRED, Event.CLEARED, Event.ACKNOWLEDGED], State.CLOSED),
        ([Event.FIRED, Event.ACKNOWLEDGED], State.ACKNOWLEDGED),
        ([Event.FIRED, Event.ACKNOWLEDGED, Event.CLEARED], State.CLOSED),
        ([Event.FIRED, Event.CLOSED], State.CLOSED),
        ([Event.FIRED, Event.CLOSED, Event.FIRED], State.ACTIVE),
        ([Event.FIRED, Event.SHELVED, Event.UNSHELVED], State.ACTIVE),
        ([Event.FIRED, Event.SUPPRESSED, Event.UNSUPPRESSED], State.ACTIVE),
        ([Event.FIRED, Event.OUT_OF_SERVICE, Event.IN_SERVICE], State.ACTIVE),
        ([Event.FIRED, Event.SHELVED, Event.CLEARED], State.SHELVED),
    ],
)
def test_an_alert_ends_when_it_is_over_and_somebody_saw_it(events: list[Event], end: State) -> None:
    """Cleared and acknowledged, in either order, is closed; cleared alone waits to be looked at; a hold ends."""
    state = State.PENDING
    for event in events:
        state = follow(state, event)
    assert state is end


def test_what_is_closed_only_comes_back_or_is_remarked_on() -> None:
    """Nobody acknowledges, shelves or closes what is over."""
    assert [event for event in Event if (State.CLOSED, event) in MOVES] == [
        Event.FIRED,
        Event.CLEARED,
        Event.COMMENTED,
    ]


def test_an_impossible_event_names_what_is_possible() -> None:
    """The message is fit for the person whose command it was."""
    with pytest.raises(TransitionError, match=r"that is pending cannot be cleared; allowed: fired$"):
        follow(State.PENDING, Event.CLEARED)


def test_an_impossible_end_is_refused() -> None:
    """An event that may happen does not lead anywhere it likes."""
    check("active", "cleared", "latched")
    with pytest.raises(TransitionError):
        check("active", "cleared", "shelved")
    with pytest.raises(TransitionError):
        check("nowhere", "cleared", "closed")


def test_every_state_is_reached_and_left() -> None:
    """No state is a word only, and none is a trap: from each one closing, or for the closed one firing, is possible."""
    reached = {state for states in MOVES.values() for state in states}
    assert reached == set(State) - {State.PENDING}
    for state in reached - {State.CLOSED}:
        assert MOVES[state, Event.CLOSED] == (State.CLOSED,)


def test_routing_moves_no_alert() -> None:
    """What only tells somebody is no transition."""
    told = {Event.ESCALATED, Event.REMINDER, Event.DIGEST, Event.TEST}
    assert not [event for _, event in MOVES if event in told]


def test_four_plain_states_and_the_rest_under_more() -> None:
    """What screens show first."""
    shown = {state.value: plain(state).value for state in State}
    assert shown == {
        "pending": "more",
        "active": "to_do",
        "acknowledged": "in_hand",
        "returned": "to_confirm",
        "latched": "to_confirm",
        "shelved": "more",
        "suppressed": "more",
        "out_of_service": "more",
        "closed": "closed",
    }
    assert {plain(state) for state in HELD} == {Plain.MORE}


def test_a_person_closes_with_a_reason_of_the_list() -> None:
    """The list is short, and ends with what needs words."""
    assert len(CLOSE_REASONS) == 7
    assert CLOSE_REASONS[-1] is Reason.OTHER
