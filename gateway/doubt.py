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
        made = dt.datetime.fromtimestamp(self.made_at / 1000, dt.UTC).isoformat(timespec="seconds")
        return (
            f"this state with {self.entries} entries was restored from a backup of {made}: heads may have been signed "
            "after it that it does not know"
        )


def doubt_file(folder: Path) -> Path:
    """Where the mark is in the data folder ``folder``."""
    return folder / "ledger" / "restored"


def read_doubt(folder: Path) -> Doubt | None:
    """The mark, None where there is none. One that cannot be read counts as one about an empty ledger."""
    try:
        return msgspec.json.decode(doubt_file(folder).read_bytes(), type=Doubt)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError):
        return Doubt(0, 0, 0)


def write_doubt(folder: Path, doubt: Doubt, disk: Disk) -> None:
    """Leave the mark. Raises OSError, JournalFailedError."""
    disk.replace(doubt_file(folder), msgspec.json.encode(doubt))
