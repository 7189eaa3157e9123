"""Guessing passwords gets slower and slower; owners are not locked out by others."""

from __future__ import annotations

from gateway.api.throttle import FORGET_S, FREE, LONGEST_NAME_S, LONGEST_S, Throttle


def failures(throttle: Throttle, count: int, name: str = "ann", address: str = "10.0.0.1", now: float = 0.0) -> None:
    """Wrong tries in a row."""
    for _ in range(count):
        throttle.failed(name, address, now)


def test_some_wrong_tries_cost_nothing_then_each_doubles_the_wait() -> None:
    """1, 2, 4, ... seconds, up to a quarter of an hour."""
    throttle = Throttle()
    failures(throttle, FREE[0] - 1)
    assert throttle.wait("ann", "10.0.0.1", 0.0) == 0
    failures(throttle, 1)
    assert throttle.wait("ann", "10.0.0.1", 0.0) == 1
    failures(throttle, 1)
    assert throttle.wait("ann", "10.0.0.1", 0.0) == 2
    failures(throttle, 1000)
    assert throttle.wait("ann", "10.0.0.1", 0.0) == LONGEST_S
    assert throttle.wait("ann", "10.0.0.1", LONGEST_S) <= 0


def test_one_address_cannot_go_through_many_names() -> None:
    """Wrong tries of an address add up over names."""
    throttle = Throttle()
    for index in range(FREE[1]):
        throttle.failed(f"user-{index}", "10.0.0.1", 0.0)
    assert throttle.wait("another", "10.0.0.1", 0.0) > 0
    assert throttle.wait("another", "10.0.0.2", 0.0) == 0


def test_many_addresses_delay_a_name_a_little_only() -> None:
    """So nobody can lock an account from outside."""
    throttle = Throttle()
    for index in range(500):
        throttle.failed("ann", f"10.0.1.{index}", 0.0)
    assert 0 < throttle.wait("ann", "192.168.0.9", 0.0) <= LONGEST_NAME_S


def test_signing_in_forgives_the_name_but_not_the_address() -> None:
    """Somebody with an account of their own cannot start afresh between guesses at others."""
    throttle = Throttle()
    failures(throttle, FREE[1], name="victim")
    throttle.failed("mallory", "10.0.0.1", 0.0)
    throttle.succeeded("mallory", "10.0.0.1")
    assert throttle.wait("third", "10.0.0.1", 0.0) > 0
    throttle.succeeded("victim", "10.0.0.1")
    assert throttle.wait("victim", "10.0.0.2", 0.0) == 0


def test_failures_are_forgotten_after_an_hour() -> None:
    """The next one counts as the first."""
    throttle = Throttle()
    failures(throttle, 50)
    assert throttle.wait("ann", "10.0.0.1", FORGET_S) == 0
    throttle.failed("ann", "10.0.0.1", FORGET_S)
    assert throttle.wait("ann", "10.0.0.1", FORGET_S) == 0


def test_memory_stays_bounded_however_many_names_are_tried() -> None:
    """The oldest go first."""
    throttle = Throttle()
    for index in range(30_000):
        throttle.failed(f"user-{index}", f"10.{index % 250}.0.1", float(index))
    assert len(throttle._failures) <= 10_003
    assert throttle.wait("user-29999", "10.0.0.9", 30_000.0) == 0
