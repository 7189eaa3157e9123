"""Plans: what devices share, and that hostile keys cannot fill the memory."""

from __future__ import annotations

import json

from devices.codecs.hygeia_json import decode
from devices.plan import LAYOUTS, compile_plan
from devices.registry import Change, Registry


def registry() -> Registry:
    """Two devices of one make and one of another."""
    found = Registry()
    body = {"kind": "water", "channels": [{"parameter": "ph", "name": "PH1"}]}
    found.apply([Change("devices", name, {"id": name, **body}) for name in ("a", "b")], 0)
    found.apply([Change("devices", "c", {"id": "c", "kind": "water", "earliest": 5})], 1)
    return found


def test_devices_of_one_make_share_their_profile() -> None:
    """Equal channels, earliest and source need one profile, however many devices there are."""
    known = registry()
    assert compile_plan(known, "a", None).profile is compile_plan(known, "b", None).profile
    assert compile_plan(known, "a", None).profile is not compile_plan(known, "c", None).profile
    assert compile_plan(known, "c", None).profile.earliest == 5


def test_plan_of_a_device_that_is_not_registered_knows_the_catalogue() -> None:
    """Whether a stranger is heard is not for the plan to say."""
    channel = compile_plan(registry(), "stranger", None).profile.channel("ph")
    assert channel is not None
    assert channel.parameter == "ph"


def test_plan_follows_the_period_in_force() -> None:
    """Channels hold from a date on."""
    known = Registry()
    before = {"id": "d", "kind": "water", "to": 100, "channels": [{"parameter": "pressure", "unit": "psi"}]}
    after = {"id": "d", "kind": "water", "from": 100, "channels": [{"parameter": "pressure", "unit": "bar"}]}
    known.apply([Change("devices", "d", {"id": "d", "periods": [before, after]})], 0)
    early = compile_plan(known, "d", None, at=50).profile.channel("pressure")
    late = compile_plan(known, "d", None, at=100).profile.channel("pressure")
    assert early is not None
    assert late is not None
    assert (round(early.a, 3), late.a) == (6.895, 100.0)


def test_bound_is_plausible_in_any_unit() -> None:
    """140 degF is 60 degC, the catalogue's bound, though a float says a hair more; 140.1 degF is beyond it."""
    known = Registry()
    known.apply([Change("devices", "f", {"id": "f", "channels": [{"parameter": "temperature", "unit": "degF"}]})], 0)
    plan = compile_plan(known, "f", None)
    assert len(decode(b'{"temperature": 140}', plan, 7).rows) == 1
    assert len(decode(b'{"temperature": 140.1}', plan, 7).refusals) == 1


def test_layouts_are_bounded() -> None:
    """A device with ever new or very many keys makes nothing grow."""
    profile = compile_plan(registry(), "a", None).profile
    for number in range(5 * LAYOUTS):
        profile.layout((f"ph@{number}",))
    assert len(profile._layouts) <= LAYOUTS
    profile.layout(tuple(f"ph@{number}" for number in range(1000)))
    profile.layout(("x" * 60_000,))
    assert max(map(len, profile._layouts)) <= LAYOUTS
    assert max(len(key) for keys in profile._layouts for key in keys) < 100


def test_forgotten_layout_comes_back_the_same() -> None:
    """Forgetting costs time only."""
    plan = compile_plan(registry(), "b", None)
    payload = json.dumps({"PH1": 7.1, "turbidity": 3}).encode()
    before = decode(payload, plan, 7)
    for number in range(5 * LAYOUTS):
        plan.profile.layout((f"toc@{number}",))
    assert decode(payload, plan, 7) == before
