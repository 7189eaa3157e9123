"""What was lost and what was doubled: acknowledged numbers against the journal, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from gateway import state
from gateway.journal.reader import Reader
from gateway.journal.record import Kind, parse_message


class Comparison(NamedTuple):
    """``lost``: acknowledged to the sender, not in the journal. ``duplicated``: accepted more than once."""

    lost: int
    duplicated: int


def compare(
    journal: Path, last: int, engine: sa.Engine, acknowledged: Mapping[str, set[int | str]], first: int = 0
) -> Comparison:
    """Compare the numbers that were acknowledged with records ``first`` to ``last`` of the journal.

    A number is in the journal when a MESSAGE record holds it; it is doubled when decide accepted it twice.
    """
    table = state.outcomes
    with engine.connect() as connection:
        query = sa.select(table.c.offset).where(table.c.fate != "accepted", table.c.offset >= first)
        not_accepted = set(connection.execute(query).scalars())
    seen: dict[str, dict[int | str, int]] = {}
    reader, at = Reader(journal), first
    while at <= last:
        for record in reader.read(at, end=last):
            at = record.offset + 1
            if record.kind == Kind.MESSAGE:
                message = parse_message(record.body)
                device = message.topic.decode("utf-8", "replace").split("/")[-3]
                counts = seen.setdefault(device, {})
                for number in numbers_of(message.payload):
                    counts[number] = counts.get(number, 0) + (record.offset not in not_accepted)
    lost = sum(number not in seen.get(device, {}) for device, numbers in acknowledged.items() for number in numbers)
    doubled = sum(count > 1 for counts in seen.values() for count in counts.values())
    return Comparison(lost, doubled)


def numbers_of(payload: bytes) -> list[int | str]:
    """The numbers that the simulator put into a message: ``id`` of an event, ``seq`` of each reading."""
    try:
        document: Any = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    parts = document if isinstance(document, list) else [document]
    found: list[int | str] = []
    for part in parts:
        if isinstance(part, dict):
            if "step" in part and "id" in part:
                found.append(str(part["id"]))
            elif "seq" in part:
                found.append(int(part["seq"]))
    return found
