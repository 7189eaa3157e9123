"""What the intake remembers of its session at the broker from one run to the next: ``intake.json``."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gateway.journal.disk import Disk
from gateway.mqtt.options import MqttOptions

FILE = "intake.json"


class Note(msgspec.Struct):
    """The file. ``filters`` are those the broker granted, ``asked`` all that it may still have of us.

    ``dropped`` is the last value of the broker's counter of dropped messages, None = never seen.
    """

    broker: str
    client_id: str
    session: bool = False
    filters: list[str] = msgspec.field(default_factory=list)
    asked: list[str] = msgspec.field(default_factory=list)
    dropped: int | None = None


def load(folder: Path, options: MqttOptions) -> Note:
    """The note of this client at this broker; an empty one where there is none, or only another's. Reads a file."""
    fresh = Note(options.address, options.client_id)
    try:
        note = msgspec.json.decode((folder / FILE).read_bytes(), type=Note)
    except (FileNotFoundError, msgspec.DecodeError):
        return fresh
    return note if (note.broker, note.client_id) == (fresh.broker, fresh.client_id) else fresh


def save(folder: Path, content: bytes) -> None:
    """Durably replace the note by ``content``, an encoded ``Note``. Writes a file."""
    Disk().replace(folder / FILE, content)
