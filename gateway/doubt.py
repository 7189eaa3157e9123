"""A mark that a restored state leaves: heads may have been signed after it that it does not know.

File ``ledger/restored`` in the data folder, JSON. While it stands and no new name of the ledger was opened since, the
notary signs nothing (docs/ledger.md). Whoever knows that the gateway never ran after the backup may take it away.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec

from gateway.journal.disk import Disk


class Doubt(msgspec.Struct, frozen=True):
    """``made_at``, ``restored_at`` in ms UTC; ``entries`` the size of the ledger when the backup was made."""

    made_at: int
    entries: int
    restored_at: int

    def words(self) -> str:
        """Why nothing is signed, for a person."""
        if self == UNREADABLE:
            return "the mark ledger/restored in the data folder cannot be read; open a new name, then take it away"
        made = dt.datetime.fromtimestamp(self.made_at / 1000, dt.UTC).isoformat(timespec="seconds")
        return (
            f"this state with {self.entries} entries was restored from a backup of {made}: heads may have been signed "
            "after it that it does not know"
        )


#: What a mark says that somebody scribbled in: no new name is new enough while it stands.
UNREADABLE = Doubt(0, 2**62, 0)


def doubt_file(folder: Path) -> Path:
    """Where the mark is in the data folder ``folder``."""
    return folder / "ledger" / "restored"


def read_doubt(folder: Path) -> Doubt | None:
    """The mark, None where there is none, ``UNREADABLE`` where it is damaged."""
    try:
        return msgspec.json.decode(doubt_file(folder).read_bytes(), type=Doubt)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError):
        return UNREADABLE


def write_doubt(folder: Path, doubt: Doubt, disk: Disk) -> None:
    """Leave the mark. Raises OSError, JournalFailedError."""
    disk.replace(doubt_file(folder), msgspec.json.encode(doubt))
