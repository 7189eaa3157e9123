"""Snapshots: what is folded in memory, saved with its offset, so that a restart folds only what came after.

File ``snapshots/{offset, 20 digits}.snap``: magic ``HYGSNAP3``, then msgpack of the parts and a CRC-32 at the end.
A snapshot of another software version is still used: the past is not decided again (DESIGN 1). Earlier
forms knew alerts otherwise (``HYGSNAP1``) or no custody (``HYGSNAP2``) and are passed over (ADR 12, 14).
"""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec

from alerts.notify import Words
from alerts.route import ChannelInfo, Message
from gateway.decide import chain, days, ledger
from gateway.decide.fold import Fold, policy_of
from gateway.decide.rows import Standing
from gateway.journal.disk import Disk

MAGIC = b"HYGSNAP3"


class Parts(msgspec.Struct):
    """The parts of a snapshot; the registry is read from the state, as of ``offset``."""

    offset: int
    series: bytes
    evaluation: bytes
    packs: dict[str, str]
    routing: str
    channels: list[ChannelInfo]
    zone: str
    bounds: tuple[int, int]
    standing: Standing
    desk: bytes
    router: bytes
    waiting: dict[tuple[int, int], Message]
    links: dict[tuple[int, int], int]
    counters: dict[str, int]
    states: dict[str, str]
    heard: dict[str, int]
    caught_up: bool
    time: int
    next_tick: int
    broken_at: int
    titles: dict[str, dict[str, Words]]
    chain: chain.Saved
    days: days.Saved
    ledger: ledger.Saved


def save(folder: Path, fold: Fold, offset: int, disk: Disk) -> Path:
    """Write a snapshot of ``fold`` after record ``offset`` and remove all but the newest two."""
    parts = Parts(
        offset=offset,
        series=fold.series.dump(),
        evaluation=fold.evaluation.dump(),
        packs=fold.pack_texts,
        routing=fold.routing,
        channels=list(fold.alerting.channels.values()),
        zone=fold.alerting.zone,
        bounds=fold.alerting.bounds,
        standing=fold.alerting.standing,
        desk=fold.alerting.desk.dump(),
        router=fold.alerting.router.dump(),
        waiting=fold.alerting.waiting,
        links=fold.operations.links,
        counters=fold.counters,
        states=fold.states,
        heard=fold.heard,
        caught_up=fold.caught_up,
        time=fold.time,
        next_tick=fold.next_tick,
        broken_at=fold.broken_at,
        titles=fold.alerting.wording.titles,
        chain=fold.chain.dump(),
        days=fold.days.dump(),
        ledger=fold.ledger.dump(),
    )
    body = MAGIC + msgspec.msgpack.encode(parts)
    path = folder / f"{offset:020d}.snap"
    disk.replace(path, body + zlib.crc32(body).to_bytes(4, "little"))
    disk.remove(sorted(folder.glob("*.snap"))[:-2])
    return path


def newest(folder: Path, highest: int) -> Parts | None:
    """The newest snapshot that is whole and not above ``highest`` (the durable cursor); None = fold from zero."""
    for path in sorted(folder.glob("*.snap"), reverse=True):
        raw = path.read_bytes()
        if raw[:8] != MAGIC or zlib.crc32(raw[:-4]).to_bytes(4, "little") != raw[-4:]:
            continue
        parts = msgspec.msgpack.decode(raw[8:-4], type=Parts)
        if parts.offset <= highest:
            return parts
    return None


def restore(fold: Fold, parts: Parts) -> None:
    """Put ``parts`` into a fresh fold whose registry is already that of ``parts.offset``."""
    fold.series.load(parts.series)
    alerting = fold.alerting
    alerting.standing = parts.standing
    fold.load_packs(parts.packs)
    fold.evaluation.load(parts.evaluation)
    fold.routing = parts.routing
    alerting.bound(*parts.bounds)
    policy = policy_of(parts.routing)
    if policy is not None:
        alerting.route(policy, parts.channels, parts.zone)
    alerting.desk.load(parts.desk)
    alerting.router.load(parts.router)
    alerting.waiting = parts.waiting
    fold.operations.links = parts.links
    fold.evaluation.sessions = alerting.flags
    fold.counters |= parts.counters
    fold.states = parts.states
    fold.heard = parts.heard
    fold.caught_up = parts.caught_up
    fold.time = parts.time
    fold.next_tick = parts.next_tick
    fold.broken_at = parts.broken_at
    alerting.wording.titles = parts.titles
    fold.chain.load(parts.chain)
    fold.days.load(parts.days)
    fold.ledger.load(parts.ledger)
    fold.ledger.version, fold.ledger.registry = parts.standing.version, parts.standing.registry_version
