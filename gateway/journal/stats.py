"""What the journal tells about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JournalStats:
    """The state of a journal at one moment; taken from memory, never from the disk."""

    first_offset: int
    """Offset of the oldest record that is kept."""
    durable: int
    """Highest offset that is on disk, -1 = none."""
    time: int
    """Journal time of the last durable record, ms since 1970 UTC."""
    segments: int
    """Number of segment files."""
    bytes: int
    """Size of all segment files together."""
    free: int
    """Free bytes of the file system when last looked at (about every second while records come in)."""
    min_free: int
    """Below this many free bytes messages are held."""
    blocked: bool
    """Messages are held because too little disk is free; all other records are still written."""
    waiting_bytes: int
    """Submitted and not yet durable, held messages included."""
    written: int
    """Records made durable since the journal was opened."""
    batches: int
    """Writes with one fdatasync each since the journal was opened."""
    last_fsync_ms: float
    """How long the last fdatasync took."""
    worst_fsync_ms: float
    """How long the slowest fdatasync since the journal was opened took."""
    failed: str
    """Why the journal refuses everything since an error of the disk; empty while it works."""
