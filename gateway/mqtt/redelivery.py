"""Recognises what the broker sends again because it never got our PUBACK (DESIGN 2, "a repeat on the wire")."""

from __future__ import annotations

import itertools
from typing import Protocol

from gateway.errors import RecordGoneError
from gateway.journal.record import Kind, Record, origin_parts, parse_json, parse_message

_BLOCK = 4096
#: Further back than this nothing is looked for: about a day of ticks of a gateway without messages.
_LOOK_BACK = 100_000


class Records(Protocol):
    """The reading side of the journal, as ``gateway.journal.reader.Reader`` has it."""

    def read(
        self,
        offset: int,
        *,
        end: int,
        max_bytes: int = ...,
    ) -> list[Record]:
        """Records from ``offset`` to ``end`` inclusive, as far as ``max_bytes``."""
        ...

    def close(self) -> None:
        """Release the files; a later ``read`` opens them again."""
        ...


class Redelivery:
    """The latest message of each packet id, for the last ``size`` messages of one broker session.

    A broker has at most ``receive_maximum`` messages unacknowledged, and they are the latest; so what lies further
    back was acknowledged for certain, and its packet id may mean another message with the same content by now.
    Contents are compared by Python's keyed 64-bit hash: made for one process, rebuilt in the next.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._latest: dict[int, int] = {}

    def forget(self) -> None:
        """The session is gone: its packet ids mean nothing any more."""
        self._latest.clear()

    def is_known(self, packet_id: int, topic: str, payload: bytes) -> bool:
        """Whether the latest message with this packet id had the same topic and payload.

        ``payload`` is the SHA-256 of an over-long one.
        """
        return self._latest.get(packet_id) == hash((topic, payload))

    def remember(self, packet_id: int, topic: str, payload: bytes) -> None:
        """Take a message as the latest with its packet id."""
        latest = self._latest
        latest.pop(packet_id, None)
        latest[packet_id] = hash((topic, payload))
        if len(latest) > 2 * self._size:
            self._latest = dict(itertools.islice(latest.items(), len(latest) - self._size, None))

    def recall(self, records: Records, last: int, listener: str, principal: str) -> None:
        """Rebuild from the journal: the last ``size`` messages up to offset ``last`` that came in this session.

        ``listener`` and ``principal`` as the intake writes them; a lost session is a border. Reads files.
        """
        found: list[tuple[int, str, bytes]] = []
        end = last
        while end >= 0 and len(found) < self._size and last - end < _LOOK_BACK:
            start = max(0, end - _BLOCK + 1)
            block = _read(records, start, end)
            border = False
            for record in reversed(block):
                if record.kind == Kind.MESSAGE:
                    message = parse_message(record.body)
                    where = origin_parts(message.origin)
                    if message.qos and (where.get("listener"), where.get("principal")) == (listener, principal):
                        content = message.sha256 or message.payload
                        found.append((message.packet_id, message.topic.decode("utf-8", "replace"), content))
                elif record.kind == Kind.SESSION_LOST:
                    lost = parse_json(record.body)
                    if lost.get("reason") == "expired" and lost.get("client_id") == principal:
                        border = True
                        break
            if border or not block or block[0].offset > start:
                break
            end = start - 1
        self.forget()
        for packet_id, topic, content in reversed(found[: self._size]):
            self.remember(packet_id, topic, content)


def _read(records: Records, start: int, end: int) -> list[Record]:
    """All records ``start`` to ``end``; only the newer part where older ones are no longer kept."""
    block: list[Record] = []
    while start <= end:
        try:
            some = records.read(start, end=end)
        except RecordGoneError as gone:
            start = gone.oldest
            continue
        if not some:
            break
        block += some
        start = some[-1].offset + 1
    return block
