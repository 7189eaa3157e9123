"""What must hold of the evaluation whatever arrives: it is a fold, and quiet channels need not be looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.change import Change
from alerts.evaluate import Evaluation
from alerts.rules import parse_pack
from devices.observation import Observation, Subject

MINUTE = 60_000
TITLE = "title: {zh: 规, en: R}, parameter: ph, source: t"
PACK = parse_pack(
    f"""\
pack: p
version: "1"
title: {{zh: 包, en: Pack}}
rules:
  - {{id: outside, {TITLE}, severity: warning, condition: {{outside: [6, 8]}}, clear: {{dead_band: 0.5}}}}
  - {{id: timed, {TITLE}, severity: major, condition: {{above: 9}}, for: 3m, clear: {{for: 2m}}}}
  - {{id: at-once, {TITLE}, severity: critical, condition: {{below: 5}}, count: 1}}
  - {{id: outlet, {TITLE}, severity: info, condition: {{above: 7}}, count: 3, when: {{place_kinds: [water_outlet]}}}}
""",
    "p",
)
SUBJECTS = [
    Subject(f"d{n}/-/ph", device=f"d{n}", parameter="ph", place=f"place-{n}", place_kind=kind)
    for n, kind in enumerate(("network", "water_outlet", "network"))
]


class Step(NamedTuple):
    """One reading of one device, some minutes of journal time after the one before; ``device`` None is a tick."""

    device: int | None
    value: float
    minutes: int
    flag: str
    late: bool
    ahead: int


VALUES = st.sampled_from([4.0, 5.0, 5.9, 6.0, 6.2, 6.5, 7.0, 7.1, 7.5, 7.8, 8.0, 8.1, 9.0, 9.1, 10.0])
STEPS = st.lists(
    st.builds(
        Step,
        device=st.sampled_from([0, 0, 1, 1, 2, None]),
        value=VALUES,
        minutes=st.integers(0, 2),
        flag=st.sampled_from("NNNNNNMD"),
        late=st.sampled_from([False] * 9 + [True]),
        ahead=st.sampled_from([0] * 9 + [6]),
    ),
    max_size=60,
)


class Run:
    """An evaluation fed with steps."""

    def __init__(self) -> None:
        self.evaluation = Evaluation([PACK])
        self.changes: list[Change] = []
        self.now = 0

    def observation(self, step: Step) -> Observation:
        """The reading of a step at the present journal time."""
        assert step.device is not None
        subject = SUBJECTS[step.device]
        return Observation(subject, step.value, self.now + step.ahead * MINUTE, self.now, step.flag, step.late)

    def take(self, step: Step) -> None:
        """One step, with a tick before it as decide does."""
        self.now += step.minutes * MINUTE
        self.changes += self.evaluation.tick(self.now)
        if step.device is not None:
            self.changes += self.evaluation.observe(self.observation(step))

    def restart(self) -> None:
        """A snapshot, and a new evaluation from it."""
        state = self.evaluation.dump()
        self.evaluation = Evaluation([PACK])
        self.evaluation.load(state)
        assert self.evaluation.dump() == state


def play(steps: Sequence[Step], before: Callable[[Run, int], None] = lambda run, number: None) -> Run:
    """All steps; ``before`` is called before each."""
    run = Run()
    for number, step in enumerate(steps):
        before(run, number)
        run.take(step)
    return run


@given(STEPS, st.sets(st.integers(0, 60)))
@settings(max_examples=150, deadline=None)
def test_a_restart_anywhere_changes_nothing(steps: list[Step], restarts: set[int]) -> None:
    """A replay from any snapshots gives the same changes and state as the live run."""
    live = play(steps)
    replayed = play(steps, lambda run, number: run.restart() if number in restarts else None)
    assert replayed.changes == live.changes
    assert replayed.evaluation.dump() == live.evaluation.dump()


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_a_normal_value_inside_the_band_of_a_quiet_channel_is_nothing(steps: list[Step]) -> None:
    """Decide may leave it out; and a live normal value outside is never nothing."""
    run = Run()
    for step in steps:
        run.now += step.minutes * MINUTE
        run.evaluation.tick(run.now)
        if step.device is None:
            continue
        key = SUBJECTS[step.device].key
        low, high = run.evaluation.band(SUBJECTS[step.device])
        quiet = key not in run.evaluation.watched
        before = run.evaluation.dump()
        changes = run.evaluation.observe(run.observation(step))
        if quiet and (low <= step.value <= high or step.flag != "N" or step.late or step.ahead):
            assert changes == []
            assert run.evaluation.dump() == before
        elif quiet:
            assert key in run.evaluation.watched


def leave_out_quiet(steps: Sequence[Step]) -> list[Change]:
    """The changes of a run that hands on only what decide hands on."""
    run = Run()
    for step in steps:
        run.now += step.minutes * MINUTE
        run.changes += run.evaluation.tick(run.now)
        if step.device is None:
            continue
        subject = SUBJECTS[step.device]
        low, high = run.evaluation.band(subject)
        if subject.key not in run.evaluation.watched and step.flag == "N" and low <= step.value <= high:
            continue
        run.changes += run.evaluation.observe(run.observation(step))
    return run.changes


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_leaving_out_what_the_band_allows_gives_the_same_alerts(steps: list[Step]) -> None:
    """The short way of the hot path and the long way of every value decide the same."""
    assert leave_out_quiet(steps) == play(steps).changes


def by_subject(changes: Sequence[Change]) -> dict[str, list[Change]]:
    """What happened to each channel."""
    found: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        found[change.subject.key].append(change)
    return found


@given(STEPS, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_channels_do_not_touch_each_other(steps: list[Step], chance: object) -> None:
    """Any interleaving of devices, each with its own readings at their own times, decides the same for each."""
    now, timed = 0, []
    for step in steps:
        now += step.minutes
        timed.append((now, step._replace(minutes=0)))
    orders = []
    for shuffled in (False, True):
        run = Run()
        # Devices change places only among readings of one minute, where no clock tells who was first.
        keys = {n: chance.random() for n in (0, 1, 2, None)} if shuffled else {}  # type: ignore[attr-defined]
        for minute, step in sorted(timed, key=lambda one: (one[0], keys.get(one[1].device, 0))):
            run.now = minute * MINUTE
            run.take(step)
        orders.append(by_subject(run.changes))
    assert orders[0] == orders[1]


@given(STEPS)
@settings(max_examples=100, deadline=None)
def test_each_condition_comes_and_goes_in_turn(steps: list[Step]) -> None:
    """No second firing of what is on, no clearing of what is not."""
    states: dict[tuple[str, str, str], bool] = {}
    for change in play(steps).changes:
        assert change.on != states.get(change.identity, False)
        assert change.since <= change.ts <= change.at
        states[change.identity] = change.on


@given(st.lists(VALUES, max_size=60))
@settings(max_examples=150, deadline=None)
def test_counting_is_what_it_says(values: list[float]) -> None:
    """Against the rule as a person would work it out by hand from the whole list of readings."""
    run = play([Step(0, value, 1, "N", late=False, ahead=0) for value in values])
    moved = [round(change.ts / MINUTE) - 1 for change in run.changes if change.rule == "outside"]
    expected, is_open = [], False
    for place, value in enumerate(values):
        if is_open and 6.5 <= value <= 7.5:
            is_open = False
            expected.append(place)
        elif not is_open and place and all(not 6 <= one <= 8 for one in values[place - 1 : place + 1]):
            is_open = True
            expected.append(place)
    assert moved == expected
