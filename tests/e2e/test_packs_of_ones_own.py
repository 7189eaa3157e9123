"""Rule packs of an installation: found in its folder, refused with all faults, the old ones in force meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from tests.plugins.gateways import NewGateway
from tests.plugins.mosquitto import Mosquitto

pytestmark = pytest.mark.mosquitto
PACK = """
pack: ours
version: "1"
title: {{zh: 自订, en: Ours}}
rules:
  - id: warm
    title: {{zh: 水温高, en: Warm}}
    severity: warning
    parameter: temperature
    condition: {{above: {limit}}}
    source: our own
"""


async def test_a_pack_with_faults_is_refused_at_start_while_the_old_one_stays_in_force(
    mosquitto: Mosquitto, new_gateway: NewGateway
) -> None:
    """The gateway starts with what was in force and raises an alarm; a first start with faults is refused with them."""
    gateway = new_gateway(mosquitto.url, HYGEIA_ALERTS__PACKS="ours")
    own = gateway.folder / "packs" / "ours.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(PACK.format(limit="hot"), "utf-8")
    refused = await asyncio.to_thread(gateway.hygeia, "run")
    own.write_text(PACK.format(limit=25), "utf-8")
    await gateway.start()
    listed = await asyncio.to_thread(gateway.hygeia, "rules", "list")
    await asyncio.to_thread(gateway.stop)
    own.write_text(PACK.format(limit="hotter"), "utf-8")
    await gateway.start()
    alerts = await asyncio.to_thread(gateway.get, "/api/v1/alerts")
    await asyncio.to_thread(gateway.stop)
    own.write_text(PACK.format(limit=26), "utf-8")
    await gateway.start()
    after = await asyncio.to_thread(gateway.get, "/api/v1/alerts")

    assert refused.returncode == 2
    assert "ours.yaml:10" in refused.stderr
    assert "warm" in listed.stdout
    assert [(one["rule"], one["state"]) for one in alerts["items"]] == [("rules_refused", "active")]
    assert [(one["rule"], one["state"]) for one in after["items"]] == [("rules_refused", "returned")]
