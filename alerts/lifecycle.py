"""States of an alert, what moves it from one to the next, and why (pure).

``pending`` is a bad reading that has not fired. An alert is ``active`` from its firing until it clears;
``acknowledged`` says that a person took it. One that clears before anybody acknowledged it is ``returned``: over,
and still to be looked at. ``closed`` is the end. Latching, shelving and suppression have states of their own
(DESIGN 4.7), which join this table with the conditions that need them.
"""

from __future__ import annotations

import enum


class State(enum.StrEnum):
    """Where an alert stands."""

    PENDING = "pending"
    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    CLOSED = "closed"


class Event(enum.StrEnum):
    """What happens to an alert; the words are those of the webhook."""

    FIRED = "fired"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Reason(enum.StrEnum):
    """Why an alert moved."""

    BAD_READINGS = "bad_readings"
    """As many bad readings in a row as the rule asks for."""
    BAD_FOR_DURATION = "bad_for_duration"
    """Only bad readings over the rule's ``for``, in event time."""
    SILENT_WHILE_BAD = "silent_while_bad"
    """The last reading was bad and none came for the rule's ``for``, in journal time."""
    BACK_IN_LIMITS = "back_in_limits"
    """A reading, or readings over the clear condition's ``for``, met the clear condition."""
    RULE_NOT_APPLICABLE = "rule_not_applicable"
    """The registry changed: the rule does not hold for this place any longer, as after a change of disinfectant."""
    MOVED = "moved"
    """The device measures another place now; the alert was about the old one."""
    REMOVED = "removed"
    """The channel or its device was taken out of the registry."""


class TransitionError(ValueError):
    """This event cannot happen to an alert in this state."""

    def __init__(self, state: State, event: Event) -> None:
        allowed = ", ".join(other for at, other in _NEXT if at is state) or "nothing, it is over"
        super().__init__(f"an alert that is {state} cannot be {event}; allowed: {allowed}")
        self.state = state
        self.event = event


_NEXT = {
    (State.PENDING, Event.FIRED): State.ACTIVE,
    (State.ACTIVE, Event.CLEARED): State.RETURNED,
    (State.ACTIVE, Event.ACKNOWLEDGED): State.ACKNOWLEDGED,
    (State.ACTIVE, Event.CLOSED): State.CLOSED,
    (State.ACKNOWLEDGED, Event.CLEARED): State.CLOSED,
    (State.ACKNOWLEDGED, Event.CLOSED): State.CLOSED,
    # The same trouble again before anybody looked: one alert to deal with, not one a recurrence (docs/alerts.md).
    (State.RETURNED, Event.FIRED): State.ACTIVE,
    (State.RETURNED, Event.ACKNOWLEDGED): State.CLOSED,
    (State.RETURNED, Event.CLOSED): State.CLOSED,
}


def follow(state: State, event: Event) -> State:
    """The state after ``event``. Raises TransitionError where the event is impossible in ``state``."""
    try:
        return _NEXT[state, event]
    except KeyError:
        raise TransitionError(state, event) from None
