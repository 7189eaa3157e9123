"""What one batch of records decided: the rows of one transaction and what is handed on after it."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.store.base import Item

Rows = list[dict[str, Any]]


class Outputs(msgspec.Struct):
    """The outputs of consecutive records, keyed by (offset, n), in the order in which they were decided.

    The lists are rows of the tables of ``gateway.state``. ``items`` go to the stores, ``replies`` (topic, payload) to
    the devices; both are handed on only after the transaction. A container that is None is none of its own any more:
    its ids belong to another one; of a manifest that is None everything was taken back. ``faults`` name faults of our
    own, for the log.
    """

    outcomes: Rows = msgspec.field(default_factory=list)
    redriven: Rows = msgspec.field(default_factory=list)
    still_parked: Rows = msgspec.field(default_factory=list)
    copies: dict[str, bytes] = msgspec.field(default_factory=dict)
    registry: Rows = msgspec.field(default_factory=list)
    alerts: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    transitions: Rows = msgspec.field(default_factory=list)
    findings: Rows = msgspec.field(default_factory=list)
    sessions: Rows = msgspec.field(default_factory=list)
    links: Rows = msgspec.field(default_factory=list)
    custody_events: Rows = msgspec.field(default_factory=list)
    custody_links: Rows = msgspec.field(default_factory=list)
    containers: dict[str, dict[str, Any] | None] = msgspec.field(default_factory=dict)
    manifests: dict[str, dict[str, Any] | None] = msgspec.field(default_factory=dict)
    entries: Rows = msgspec.field(default_factory=list)
    entry_links: Rows = msgspec.field(default_factory=list)
    nodes: Rows = msgspec.field(default_factory=list)
    outbox: Rows = msgspec.field(default_factory=list)
    told: Rows = msgspec.field(default_factory=list)
    settled: Rows = msgspec.field(default_factory=list)
    answers: Rows = msgspec.field(default_factory=list)
    items: list[Item] = msgspec.field(default_factory=list)
    replies: list[tuple[str, bytes]] = msgspec.field(default_factory=list)
    faults: list[str] = msgspec.field(default_factory=list)
    filters_changed: bool = False

    def clear(self) -> None:
        """Forget everything: used while folding forward to the cursor, where nothing is written again."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, list | dict):
                value.clear()
        self.filters_changed = False
