"""Whatever happens in whatever order: every alert is told, limits hold, and a restart changes nothing."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.route import SWEEP_MS, ChannelInfo
from tests.route_story import CITY, HOOK, MAIL, MINUTE, ZONE, Story, policy_of, registry_of

LIMITS = [(3, 600), (10, 86_400)]
SMS = ChannelInfo("sms", "modem", personal=True, limits=LIMITS)
ROBOT = ChannelInfo("robot", "dingtalk")
#: The registry with everybody, and with nobody.
REGISTRIES = {True: registry_of(CITY), False: registry_of({**CITY, "people": []})}
POLICIES = {
    "plain": "",
    "night": "steps: [{to: unit_contact}, {to: [unit_head, grid_officer], after: 7m}]\n"
    "quiet_hours: {hours: ['12:00-18:00', '18:30-06:00']}\nreminder: {every: 1h, most: 2}\nacknowledge_timeout: 2h",
    "delayed": "steps: [{to: unit_contact, after: 2m}, {to: unit_head, after: 5m}, {to: city, after: 9m}]\n"
    "group: {burst: 2, wait: 90s, interval: 4m, repeat: 3h}\nflood: {alerts: 3, window: 5m}",
    "robot": "steps: [{to: {channel: robot}}, {to: [unit_contact, {channel: robot}], after: 20m}]",
}
#: Under these the contact is called at once.
PROMPT = frozenset({"plain", "night"})
NAMES = ("a", "b", "c", "d", "e", "f")
CALLED = ("fired", "escalated", "digest")


class Routing(RuleBasedStateMachine):
    """Two routers hear the same; one is restarted from its dump after every call."""

    @initialize(policy=st.sampled_from(sorted(POLICIES)), limited=st.booleans())
    def begin(self, policy: str, limited: bool) -> None:
        """Choose policy and channels."""
        channels = [HOOK, ROBOT, SMS if limited else ChannelInfo("sms", "modem", personal=True), MAIL]
        self.both = [Story(POLICIES[policy], channels=channels, reload=reload) for reload in (False, True)]
        self.limited = limited
        self.policy, self.peopled = policy, True
        #: Whom each alert must have been told to in the end.
        self.expected: dict[str, set[str]] = {}
        self.count = 0

    @property
    def story(self) -> Story:
        """The router that runs on."""
        return self.both[0]

    def do(self, what: str, **more: object) -> None:
        """Something happens to an alert, for both."""
        for story in self.both:
            story.do(what, **more)

    def states(self, *wanted: str) -> list[str]:
        """Names of the alerts in one of these states."""
        return sorted(name for name, alert in self.story.alerts.items() if alert.state in wanted)

    @rule(severity=st.sampled_from(["info", "warning", "major", "critical"]), ago=st.sampled_from([0, 3, 30]))
    def fire(self, severity: str, ago: int) -> None:
        """A new alert, of now or of a while ago."""
        name = f"{NAMES[self.count % len(NAMES)]}{self.count}"
        self.count += 1
        prompt = self.peopled and self.policy in PROMPT
        self.expected[name] = {"hook", "robot", "contact"} if prompt else {"hook", "robot"}
        self.do(f"fire {name} severity={severity}", ts=self.story.now - ago * MINUTE)

    @precondition(lambda self: self.states("active", "returned", "acknowledged"))
    @rule(data=st.data(), verb=st.sampled_from(["ack", "clear", "close", "shelve", "suppress"]))
    def move(self, data: st.DataObject, verb: str) -> None:
        """An operator or a reading moves an alert."""
        allowed = {"ack": ("active", "returned"), "clear": ("active", "acknowledged")}
        names = self.states(*allowed.get(verb, ("active", "returned", "acknowledged")))
        if names:
            name = data.draw(st.sampled_from(names))
            if verb in {"shelve", "suppress"} and name in self.story.router._calls.held:
                self.expected.pop(name, None)  # of a backlog, and muted before anybody heard of it
            self.do(f"{verb} {name}")

    @precondition(lambda self: self.states("returned", "shelved", "suppressed"))
    @rule(data=st.data(), ago=st.sampled_from([0, 30]))
    def again(self, data: st.DataObject, ago: int) -> None:
        """An alert comes back, now or a while ago."""
        name = data.draw(st.sampled_from(self.states("returned", "shelved", "suppressed")))
        verb = {"returned": "fire", "shelved": "unshelve", "suppressed": "unsuppress"}
        self.do(f"{verb[self.story.alerts[name].state]} {name}", on=True, ts=self.story.now - ago * MINUTE)

    @precondition(lambda self: self.states("active", "returned"))
    @rule(data=st.data(), minutes=st.sampled_from([0, 2, 8]))
    def again_in_a_backlog(self, data: st.DataObject, minutes: int) -> None:
        """The gateway is away while an alert goes and comes back; it hears of that late."""
        name = data.draw(st.sampled_from(self.states("active", "returned")))
        if self.story.alerts[name].state == "active":
            self.do(f"clear {name}")
        self.catch_up(yes=False)
        self.do(f"fire {name}", on=True, ts=self.story.now - 30 * MINUTE)
        self.wait(minutes)

    @precondition(lambda self: self.story.alerts)
    @rule(data=st.data(), who=st.sampled_from(["contact", "officer", "stranger"]))
    def assign(self, data: st.DataObject, who: str) -> None:
        """Somebody is given an alert."""
        name = data.draw(st.sampled_from(sorted(self.story.alerts)))
        self.do(f"assign {name} assigned_to={who}")

    @precondition(lambda self: self.story.alerts)
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        """The place of an alert does not notify any more, and it ends without a word."""
        name = data.draw(st.sampled_from(sorted(self.story.alerts)))
        self.expected.pop(name, None)
        for story in self.both:
            del story.alerts[name]

    @rule(policy=st.sampled_from(sorted(POLICIES)))
    def use(self, policy: str) -> None:
        """A start with another routing file."""
        self.policy = policy
        self._expect_less()
        for story in self.both:
            story.policy = policy_of(POLICIES[policy])
            story.router.use(story.policy, story.channels, ZONE)

    @rule(everybody=st.booleans())
    def people(self, everybody: bool) -> None:
        """The registry knows people, or none."""
        self.peopled = everybody
        self._expect_less()
        for story in self.both:
            story.registry = REGISTRIES[everybody]

    def _expect_less(self) -> None:
        """What waits for its release is called for by another order."""
        for name in self.story.router._calls.held:
            if name in self.expected:
                self.expected[name] = {"hook", "robot"}

    @rule(minutes=st.sampled_from([0.01, 0.3, 1, 4, 16, 61, 400]))
    def wait(self, minutes: float) -> None:
        """Time passes."""
        for story in self.both:
            story.until((story.now - story.start) / MINUTE + minutes)

    @rule(yes=st.booleans())
    def catch_up(self, yes: bool) -> None:
        """The gateway is away, or back."""
        for story in self.both:
            story.router.caught_up(yes)

    @precondition(lambda self: any(self.story.router.asks(one) for one in self.story.messages))
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """Delivery gives one of the last messages up."""
        places = [place for place, one in enumerate(self.story.messages) if self.story.router.asks(one)][-3:]
        place = data.draw(st.sampled_from(places))
        for story in self.both:
            story.fail(story.messages[place])

    @invariant()
    def a_restart_changes_nothing(self) -> None:
        """Same messages, same dump."""
        if hasattr(self, "both"):
            assert self.both[0].told == self.both[1].told
            assert self.both[0].router.dump() == self.both[1].router.dump()

    @invariant()
    def whoever_hears_the_end_heard_the_beginning(self) -> None:
        """Nobody hears what became of an alert without having heard of it."""
        heard: set[tuple[str, str]] = set()
        for one in self.story.messages if hasattr(self, "both") else ():
            about = {(one.person or one.channel, alert.id) for alert in one.alerts}
            if one.event not in CALLED:
                assert about <= heard, f"{one.event} of something that was never told"
            heard |= about

    def teardown(self) -> None:
        """Let everything go out, close what is open, and look at the whole."""
        if not hasattr(self, "both"):
            return
        self.people(everybody=True)
        self.wait(5 * 1440)
        self._every_alert_was_told()
        assert all(self.story.router._calls.all[name].called for name in self.states("active"))
        for name in sorted(self.story.alerts):
            self.do(f"close {name}")
        self.wait(5 * 1440)
        assert self.story.router.due == math.inf
        assert not self.story.router.tick(self.story.now + SWEEP_MS, {}, self.story.registry)
        assert not self.story.router._calls.all, "closed alerts are forgotten"
        assert not self.story.router._queues._refs
        if self.limited:
            self._limits_held()

    def _every_alert_was_told(self) -> None:
        told: dict[str, set[str]] = defaultdict(set)
        for one in self.story.messages:
            for alert in one.alerts:
                told[alert.id].add(one.person or one.channel)
        for name, receivers in self.expected.items():
            assert receivers <= told[name], f"{name} was told to {sorted(told[name])} only"

    def _limits_held(self) -> None:
        times: dict[str, list[int]] = defaultdict(list)
        for line, one in zip(self.story.told, self.story.messages, strict=True):
            if one.channel == "sms":
                times[one.person].append(round(float(line.split()[0]) * MINUTE))
        for sent in times.values():
            for most, seconds in LIMITS:
                for first, last in zip(sent, sent[most:], strict=False):
                    assert last - first >= seconds * 1000 - MINUTE // 100


TestRouting = pytest.mark.timeout(60)(Routing.TestCase)
TestRouting.settings = settings(
    max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
