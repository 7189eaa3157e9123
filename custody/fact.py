"""A custody event as it counts: taken apart, and resolved against the registry as of its record (pure).

A fact is kept with its event and never changes. The fold (``custody.fold``) needs facts only, no registry: who a badge
belonged to, whose place it was and how fine the scale was are what they were when the event came.
"""

from __future__ import annotations

import msgspec

#: Where no time or number was sent.
NONE = -1


class ContainerId(msgspec.Struct, frozen=True, array_like=True):
    """One id that was read: ``k`` as sent (``epc, tid, qr, text``), ``v`` its canonical text, ``uri`` an EPC's URI."""

    k: str
    v: str
    uri: str = ""


class Weight(msgspec.Struct, frozen=True, array_like=True):
    """What was weighed, in whole grams, of all containers of the event together; None = not known.

    ``mode`` is ``scale``, ``typed`` or ``estimated`` (empty = not said); ``division_g`` that of the scale, 0 = unknown.
    ``usable`` is False where the weight has a flag of its own: it is shown and never counted.
    """

    gross_g: int | None = None
    tare_g: int | None = None
    net_g: int | None = None
    scale: str = ""
    division_g: int = 0
    mode: str = ""
    stable: bool = True
    usable: bool = True


class Party(msgspec.Struct, frozen=True, array_like=True):
    """Who did something: the badge as read, and whose it was then; empty where nobody has it. No names."""

    badge: str
    person: str = ""
    unit: str = ""
    role: str = ""
    auth: str = ""


class Spot(msgspec.Struct, frozen=True, array_like=True):
    """A place with what the registry said of it then; ``producer`` is the custody profile of its unit."""

    place: str = ""
    kind: str = ""
    unit: str = ""
    grid: str = ""
    producer: str = ""
    notify: bool = True


class File(msgspec.Struct, frozen=True, array_like=True):
    """A file that was handed in with an event, by its SHA-256 (hex)."""

    sha256: str
    name: str = ""


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """One accepted event. All times are ms since 1970 UTC.

    ``offset`` names the event's journal record, ``decided`` the record that accepted it (another one after a redrive),
    ``entry`` its place in the ledger. ``ids`` are the containers of the event, ``parent`` what they go into or come out
    of, ``manifest`` and ``vehicle`` what they travel with. ``spot`` is the event's place, else the terminal's;
    ``home`` is the terminal's own. ``of`` is the id of another event. ``signature``: ``good``, ``bad``, empty = none or
    nobody knows the key. ``skew_ms``: how far the terminal's clock was ahead as measured then, None = not known.
    ``registered``: its ids that are of a container of the registry. ``strange``: its ids that the producer of ``spot``
    cannot have given out, as it has ranges of labels and they are in none of them, or in another unit's.
    """

    offset: int
    decided: int
    id: str
    terminal: str
    step: str
    ts: int
    received_at: int
    boot: int = NONE
    seq: int = NONE
    ids: tuple[ContainerId, ...] = ()
    parent: ContainerId | None = None
    weight: Weight | None = None
    category: str = ""
    risk: str = ""
    spot: Spot = Spot()
    home: Spot = Spot()
    by: Party | None = None
    with_: Party | None = None
    of: str = ""
    reason: str = ""
    approved_by: Party | None = None
    manifest: str = ""
    vehicle: str = ""
    files: tuple[File, ...] = ()
    signature: str = ""
    skew_ms: int | None = None
    flags: tuple[str, ...] = ()
    digest: str = ""
    copy: str = ""
    entry: int = NONE
    registered: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[int, str, int, int, str]:
        """The order of the fold (DESIGN 4.2)."""
        return self.ts, self.terminal, self.boot, self.seq, self.id

    @property
    def names(self) -> tuple[str, ...]:
        """The texts of its ids."""
        return tuple(one.v for one in self.ids)


def entities(fact: Fact) -> list[str]:
    """What an event names, as ``Known.facts`` finds it; distinct, sorted.

    Id texts, ``manifest:M``, ``vehicle:V``; of an event without ids ``trip:manifest:M`` and ``trip:vehicle:V`` as well:
    what such a group did as a whole.
    """
    found = set(fact.names)
    if fact.parent is not None:
        found.add(fact.parent.v)
    for group in (
        f"manifest:{fact.manifest}" if fact.manifest else "",
        f"vehicle:{fact.vehicle}" if fact.vehicle else "",
    ):
        if group:
            found.update((group,) if fact.ids else (group, f"trip:{group}"))
    return sorted(found)
