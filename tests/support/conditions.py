"""Stories of conditions: at a minute something arrives, then something is expected; devices and registry are small."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from alerts.change import Change
from alerts.evaluate import Evaluation
from alerts.rules import parse_pack
from alerts.surroundings import Nothing, Seen, Term
from devices.calendars import WorkingTime
from devices.observation import Observation, Subject

MINUTE = 60_000
#: A Tuesday, 08:00 in Shanghai.
START = 1_767_657_600_000
HEAD = 'pack: story\nversion: "1"\ntitle: {zh: 故事, en: Story}\n'


def pack_of(*rules: str) -> str:
    """The text of a pack with such rules: the keys after the title and source, which every rule needs."""
    lines = [f"  - {{title: {{zh: 规, en: R}}, source: t, {rule}}}\n" for rule in rules]
    return f"{HEAD}rules:\n{''.join(lines)}"


class Site(Nothing):
    """One device ``d`` with channels of a minute, and rules; what else there is, a test says."""

    def __init__(
        self,
        *rules: str,
        channels: Sequence[str] = ("turbidity", "ph", "ph@in"),
        report_ms: int = MINUTE,
        kind: str = "network",
    ) -> None:
        self.now = START
        self.values: dict[tuple[str, str, str], Seen] = {}
        self.calendars: dict[str, WorkingTime] = {}
        self.terms: list[Term] = []
        self.channels = list(channels)
        base = Subject("d/-/", device="d", place="p", place_kind=kind, device_kind="water", report_ms=report_ms)
        self.base = base
        self.evaluation = Evaluation([parse_pack(pack_of(*rules), "pack")], around=self)
        self.evaluation.presence.registered("d", START)
        self.evaluation.caught_up(START)

    def subject(self, key: str) -> Subject:
        """The subject of a channel written ``parameter`` or ``parameter@point``."""
        parameter, _, point = key.partition("@")
        point = point or "-"
        number = self.channels.index(key) if key in self.channels else -1
        return msgspec.structs.replace(
            self.base, key=f"d/{point}/{parameter}", parameter=parameter, point=point, channel=number
        )

    def latest(self, device: str, point: str, parameter: str) -> Seen | None:
        """The newest value that a story told."""
        return self.values.get((device, point, parameter))

    def index(self, device: str, point: str, parameter: str) -> int:
        """The place of a channel among all."""
        key = parameter if point == "-" else f"{parameter}@{point}"
        return self.channels.index(key)

    def subjects(self, device: str, now: int) -> list[Subject]:
        """The device and its channels."""
        return [self.base, *(self.subject(key) for key in self.channels)] if device == "d" else []

    def device(self, device: str, now: int) -> Subject | None:
        """The device."""
        return self.base if device == "d" else None

    def hours(self, calendar: str) -> WorkingTime | None:
        """The calendars of the story."""
        return self.calendars.get(calendar)

    def certificates(self, now: int, before: int, also: Collection[str]) -> Iterable[Term]:
        """The certificates of the story."""
        return [term for term in self.terms if term.at < before or term.subject.device in also]

    def play(self, story: Iterable[tuple[float, str, str]]) -> list[Change]:
        """Check each step: (minute, what arrives, ``on REASON`` and ``off REASON`` in order); returns all changes.

        What arrives is ``tick`` (nothing), ``parameter=value`` (``!F`` for a flag, several parted by blanks),
        ``refused parameter``, ``status STATE``, ``seq N``, ``behind SECONDS``, ``lost`` or ``caught up``.
        """
        every: list[Change] = []
        for minute, what, expected in story:
            self.now = START + round(minute * MINUTE)
            found = self.evaluation.tick(self.now)
            found += self._arrives(what)
            shown = " ".join(f"{'on' if change.on else 'off'} {change.reason}" for change in found)
            assert shown == expected, (
                f"minute {minute:g}, {what}: {shown or 'nothing'}, expected {expected or 'nothing'}"
            )
            every += found
            self.restart()
        return every

    def restart(self) -> None:
        """Every step is also a restart from a snapshot: nothing may depend on what is not in it."""
        state = self.evaluation.dump()
        packs, sessions = self.evaluation.rules.packs, self.evaluation.sessions
        self.evaluation = Evaluation(packs, around=self)
        self.evaluation.sessions = sessions
        self.evaluation.load(state)
        assert self.evaluation.dump() == state

    def _arrives(self, what: str) -> list[Change]:
        word, _, rest = what.partition(" ")
        if word in {"tick", "lost", "caught"}:
            self._turns(word)
            return []
        evaluation, now = self.evaluation, self.now
        if word == "status":
            return evaluation.presence.status("d", rest, now)
        slot = evaluation.presence.slot("d", now)
        if word == "seq":
            return evaluation.message(slot, int(rest), None, now, now)
        if word == "behind":
            return evaluation.message(slot, None, now - round(float(rest) * 1000), now, now)
        found = evaluation.message(slot, None, None, now, now)
        if word == "refused":
            evaluation.noted(self.subject(rest).channel, now)
            return found
        for one in what.split():
            found += self._reading(one)
        return found

    def _turns(self, word: str) -> None:
        if word == "lost":
            self.evaluation.lost(self.now)
        elif word == "caught":
            self.evaluation.caught_up(self.now)

    def _reading(self, one: str) -> list[Change]:
        key, _, value = one.partition("=")
        number, _, flag = value.partition("!")
        subject = self.subject(key)
        seen = Seen(self.now, float(number), flag or "N")
        self.values["d", subject.point, subject.parameter] = seen
        return self.evaluation.observe(Observation(subject, seen.value, self.now, self.now, seen.flag))
