"""Snapshots: what is folded in memory, saved with its offset, so that a restart folds only what came after.

File ``snapshots/{offset, 20 digits}.snap``: magic ``HYGSNAP1``, then msgpack of the parts and a CRC-32 at the end.
A snapshot of another software version is still used: the past is not decided again (DESIGN 1).
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import msgspec

from gateway.decide.alerting import Standing
from gateway.decide.fold import Fold
from gateway.journal.disk import Disk

MAGIC = b"HYGSNAP1"


class Parts(msgspec.Struct):
    """The parts of a snapshot; the registry is read from the state, as of ``offset``."""

    offset: int
    series: bytes
    evaluation: bytes
    packs: dict[str, str]
    standing: Standing
    open_alerts: dict[str, dict[str, Any]]
    alarms: dict[str, str]
    counters: dict[str, int]
    states: dict[str, str]
    heard: dict[str, int]
    caught_up: bool
    time: int
    next_tick: int


def save(folder: Path, fold: Fold, offset: int, disk: Disk) -> Path:
    """Write a snapshot of ``fold`` after record ``offset`` and remove all but the newest two."""
    parts = Parts(
        offset=offset,
        series=fold.series.dump(),
        evaluation=fold.evaluation.dump(),
        packs=fold.pack_texts,
        standing=fold.standing,
        open_alerts=fold.alerting.open,
        alarms=fold.alerting.alarms,
        counters=fold.counters,
        states=fold.states,
        heard=fold.heard,
        caught_up=fold.caught_up,
        time=fold.time,
        next_tick=fold.next_tick,
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
    fold.standing = parts.standing
    fold.load_packs(parts.packs)
    fold.evaluation.load(parts.evaluation)
    fold.alerting.open = parts.open_alerts
    fold.alerting.alarms = parts.alarms
    fold.counters |= parts.counters
    fold.states = parts.states
    fold.heard = parts.heard
    fold.caught_up = parts.caught_up
    fold.time = parts.time
    fold.next_tick = parts.next_tick
