"""The states of an alert and what moves it."""

from __future__ import annotations

import pytest

from alerts.lifecycle import Event, State, TransitionError, follow


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
    ],
)
def test_an_alert_ends_when_it_is_over_and_somebody_saw_it(events: list[Event], end: State) -> None:
    """Cleared and acknowledged, in either order, is closed; cleared alone waits to be looked at."""
    state = State.PENDING
    for event in events:
        state = follow(state, event)
    assert state is end


def test_what_is_closed_stays_closed() -> None:
    """No event leads out of the last state, and the error says so."""
    for event in Event:
        with pytest.raises(TransitionError, match="nothing, it is over"):
            follow(State.CLOSED, event)


def test_an_impossible_event_names_what_is_possible() -> None:
    """The message is fit for the person whose command it was."""
    with pytest.raises(
        TransitionError, match="that is returned cannot be cleared; allowed: fired, acknowledged, closed"
    ):
        follow(State.RETURNED, Event.CLEARED)
