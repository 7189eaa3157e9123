"""States of an alert, what moves it from one to the next, and why (pure). docs/alert-handling.md says it for operators.

``pending`` is a condition that has not fired. An alert is ``active`` from its firing until its condition is over;
``acknowledged`` says that a person took it. One whose condition is over before anybody acknowledged it is
``returned``: over, and still to be looked at; a latching one is ``latched`` until a person closes it. ``closed`` is the
end, from which it may re-open for a while. ``shelved``, ``suppressed`` and ``out_of_service`` hold an alert: it lives
on without telling anybody, and is again what its condition says when the hold ends (OPC UA Part 9, ISA-18.2).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


class State(enum.StrEnum):
    """Where an alert stands."""

    PENDING = "pending"
    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED = "latched"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"
    CLOSED = "closed"


class Plain(enum.StrEnum):
    """What screens show first; every other state stands under "more"."""

    TO_DO = "to_do"
    IN_HAND = "in_hand"
    TO_CONFIRM = "to_confirm"
    CLOSED = "closed"
    MORE = "more"


class Event(enum.StrEnum):
    """What happens to an alert; the words are those of the webhook."""

    FIRED = "fired"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"
    ASSIGNED = "assigned"
    COMMENTED = "commented"
    # Of routing: they move no alert.
    ESCALATED = "escalated"
    REMINDER = "reminder"
    DIGEST = "digest"
    TEST = "test"


class Reason(enum.StrEnum):
    """Why an alert moved."""

    # A condition holds.
    BAD_READINGS = "bad_readings"
    """As many bad readings in a row as the rule asks for."""
    BAD_FOR_DURATION = "bad_for_duration"
    """Only bad readings over the rule's ``for``, in event time."""
    SILENT_WHILE_BAD = "silent_while_bad"
    """The last reading was bad and none came for the rule's ``for``, in journal time."""
    CHANGED_FAST = "changed_fast"
    """The value moved more in the time than the rule allows."""
    STUCK = "stuck"
    """The value did not move by its resolution for the rule's time."""
    ABSENT = "absent"
    """No reading of this parameter for several of its intervals."""
    SILENT = "silent"
    """Nothing at all from the device for several of its intervals."""
    INVALID = "invalid"
    """Messages come, and for several intervals none has a valid value (flag N) of this parameter."""
    SATURATED = "saturated"
    """The instrument is above its range: flag T, or a value that cannot be."""
    BAD_FLAGS = "bad_flags"
    """Too large a share of the readings has a flag other than N."""
    SEQUENCE_GAP = "sequence_gap"
    """Sequence numbers are missing and did not come later."""
    CLOCK_OFF = "clock_off"
    """The clock of the device is wrong, also by whole hours (time zone)."""
    UNIT_SUSPECT = "unit_suspect"
    """The value jumped near a power of ten: the unit of measure may have been changed."""
    DIFFERS = "differs"
    """Two channels that are compared are too far apart."""
    OVERDUE = "overdue"
    """A certificate runs out or ran out, or the last calibration is too long ago."""
    COMBINATION = "combination"
    """Several conditions hold together as the rule asks for."""
    OBSERVED = "observed"
    """A state or timer outside of the readings, as of a waste container, broke the limit."""
    GATEWAY_ALARM = "gateway_alarm"
    """The gateway found trouble of its own; the rule names which."""

    # A condition holds no longer.
    BACK_IN_LIMITS = "back_in_limits"
    """A reading, or readings over the clear condition's ``for``, met the clear condition."""
    CONDITION_OVER = "condition_over"
    """What the rule asks for does not hold any longer."""
    DATA_AGAIN = "data_again"
    """Data come again."""
    OUTSIDE_SCHEDULE = "outside_schedule"
    """The rule is judged at certain times only, and they are over."""
    GATEWAY_WELL = "gateway_well"
    """The gateway's own trouble is over."""

    # Over for good: the alert ends and does not re-open.
    RULE_NOT_APPLICABLE = "rule_not_applicable"
    """The registry changed: the rule does not hold for this place any longer, as after a change of disinfectant."""
    MOVED = "moved"
    """The device measures another place now; the alert was about the old one."""
    REMOVED = "removed"
    """The channel or its device was taken out of the registry."""

    # It comes back.
    RECURRED = "recurred"
    """The same again within the rule's time after the alert was closed: the alert is opened anew."""
    STILL_STANDING = "still_standing"
    """A person closed the alert, and its condition stood on for the re-opening time."""

    PLACE_ACCEPTED = "place_accepted"
    """The place was accepted while the alert stood: from now on it notifies."""
    PLACE_CHANGED = "place_changed"
    """The place belongs to another unit or another part of the grid now, and the alert with it."""

    # What people do.
    SEEN = "seen"
    """A person took note and takes care of it."""
    REMARK = "remark"
    """A person wrote a remark."""
    HANDED_OVER = "handed_over"
    """A person was made responsible, or is no longer."""
    SHELVED_FOR_TIME = "shelved_for_time"
    """A person put the alert aside for a time."""
    SHELVED_ONCE = "shelved_once"
    """A person put the alert aside until its condition is over, at most for the longest time of a shelf."""
    BY_HAND = "by_hand"
    """A person ended the shelf, or took the alert into service again."""
    TAKEN_OUT = "taken_out"
    """A person took the alert out of service."""

    # What people close an alert with.
    RESOLVED = "resolved"
    """The trouble was real and was dealt with."""
    FALSE_ALARM = "false_alarm"
    """There was no trouble."""
    INSTRUMENT_FAULT = "instrument_fault"
    """The instrument was wrong, not the water."""
    MAINTENANCE = "maintenance"
    """Work on the device: as the reason of closing, or a maintenance session that holds the alert."""
    DUPLICATE = "duplicate"
    """Another alert is about the same."""
    NO_ACTION_NEEDED = "no_action_needed"
    """It was so, and nothing had to be done."""
    OTHER = "other"
    """Something else; the comment says what."""

    # What holds an alert, and the end of it.
    INHIBITED = "inhibited"
    """Another alert stands that explains this one."""
    PLACE_OUT_OF_SERVICE = "place_out_of_service"
    """The place is suspended or retired."""
    MAINTENANCE_OVER = "maintenance_over"
    """The maintenance session was closed or reached its end."""
    CAUSE_OVER = "cause_over"
    """The alert that explained this one is over."""
    SHELF_OVER = "shelf_over"
    """The time on the shelf is over."""
    PLACE_IN_SERVICE = "place_in_service"
    """The place is in service again."""


#: What a person may close an alert with; ``other`` needs a comment.
CLOSE_REASONS: tuple[Reason, ...] = (
    Reason.RESOLVED,
    Reason.FALSE_ALARM,
    Reason.INSTRUMENT_FAULT,
    Reason.MAINTENANCE,
    Reason.DUPLICATE,
    Reason.NO_ACTION_NEEDED,
    Reason.OTHER,
)

#: The end of a condition with one of these ends its alert for good.
FINAL_REASONS: frozenset[str] = frozenset({Reason.RULE_NOT_APPLICABLE, Reason.MOVED, Reason.REMOVED})

#: States in which an alert tells nobody.
HELD: frozenset[str] = frozenset({State.SHELVED, State.SUPPRESSED, State.OUT_OF_SERVICE})

_PLAIN: Mapping[str, Plain] = {
    State.ACTIVE: Plain.TO_DO,
    State.ACKNOWLEDGED: Plain.IN_HAND,
    State.RETURNED: Plain.TO_CONFIRM,
    State.LATCHED: Plain.TO_CONFIRM,
    State.CLOSED: Plain.CLOSED,
}


def plain(state: str) -> Plain:
    """The plain state of a state."""
    return _PLAIN.get(state, Plain.MORE)


class TransitionError(ValueError):
    """This event cannot happen to an alert in this state."""

    def __init__(self, state: str, event: str) -> None:
        allowed = ", ".join(other for at, other in MOVES if at == state)
        super().__init__(f"an alert that is {state} cannot be {event}; allowed: {allowed}")
        self.state = state
        self.event = event


def _moves() -> dict[tuple[State, Event], tuple[State, ...]]:
    s, e = State, Event
    held = (s.SHELVED, s.SUPPRESSED, s.OUT_OF_SERVICE)
    muted = (s.SUPPRESSED, s.OUT_OF_SERVICE)
    freed = (s.ACTIVE, s.ACKNOWLEDGED, s.RETURNED, s.LATCHED)
    moves: dict[tuple[State, Event], tuple[State, ...]] = {
        (s.PENDING, e.FIRED): (s.ACTIVE, *muted),
        # Its place was accepted, or belongs to another unit: now somebody (else) hears of it.
        (s.ACTIVE, e.FIRED): (s.ACTIVE,),
        # Taken before it was over: over is over, without another look.
        (s.ACTIVE, e.CLEARED): (s.RETURNED, s.LATCHED, s.CLOSED),
        (s.ACKNOWLEDGED, e.CLEARED): (s.CLOSED, s.LATCHED),
        (s.SHELVED, e.CLEARED): (s.SHELVED, s.CLOSED, s.LATCHED),
        (s.SUPPRESSED, e.CLEARED): (s.SUPPRESSED, s.CLOSED, s.LATCHED),
        (s.OUT_OF_SERVICE, e.CLEARED): (s.OUT_OF_SERVICE, s.CLOSED, s.LATCHED),
        (s.CLOSED, e.CLEARED): (s.CLOSED,),
        (s.ACTIVE, e.ACKNOWLEDGED): (s.ACKNOWLEDGED,),
        (s.RETURNED, e.ACKNOWLEDGED): (s.CLOSED,),
        (s.LATCHED, e.ACKNOWLEDGED): (s.LATCHED,),
        (s.SHELVED, e.UNSHELVED): (*freed, s.SUPPRESSED),
        (s.SUPPRESSED, e.UNSUPPRESSED): freed,
        (s.OUT_OF_SERVICE, e.IN_SERVICE): (*freed, s.SHELVED, s.SUPPRESSED),
    }
    # The same trouble again before anybody looked: one alert to deal with, not one a recurrence (docs/alerts.md).
    moves |= {(state, e.FIRED): (s.ACTIVE, *muted) for state in (s.RETURNED, s.LATCHED, s.CLOSED)}
    for state in held:
        moves |= {(state, e.FIRED): (state,), (state, e.ACKNOWLEDGED): (state,)}
    moves |= {(state, e.SHELVED): (s.SHELVED,) for state in (s.ACTIVE, s.ACKNOWLEDGED, s.RETURNED, s.SHELVED)}
    moves |= {(state, e.SUPPRESSED): (s.SUPPRESSED,) for state in (s.ACTIVE, s.ACKNOWLEDGED, s.SUPPRESSED)}
    for state in (*freed, *held):
        moves |= {
            (state, e.OUT_OF_SERVICE): (s.OUT_OF_SERVICE,),
            (state, e.CLOSED): (s.CLOSED,),
            (state, e.ASSIGNED): (state,),
        }
    moves |= {(state, e.COMMENTED): (state,) for state in (*freed, *held, s.CLOSED)}
    return moves


#: Where an event may lead from a state; no entry = it cannot happen. The first one is the usual.
MOVES: Mapping[tuple[State, Event], tuple[State, ...]] = _moves()
#: The same by plain words.
_ALLOWED: Mapping[tuple[str, str], tuple[str, ...]] = {
    (before.value, event.value): tuple(state.value for state in states) for (before, event), states in MOVES.items()
}


def follow(state: State, event: Event) -> State:
    """The usual state after ``event``. Raises TransitionError where the event is impossible in ``state``."""
    try:
        return MOVES[state, event][0]
    except KeyError:
        raise TransitionError(state, event) from None


def check(before: str, event: str, after: str) -> None:
    """Raise TransitionError where this move is not one of ``MOVES``."""
    if after not in _ALLOWED.get((before, event), ()):
        raise TransitionError(before, event)
