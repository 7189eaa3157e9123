"""The errors of the gateway: each says what the caller does next.

A user never sees a traceback: the command line prints ``str(error)`` as one line and
leaves with ``error.exit_code``.
"""

from __future__ import annotations

from pathlib import Path


class HygeiaError(Exception):
    """Base of all errors that Hygeia raises on purpose."""

    exit_code = 1


class ConfigurationError(HygeiaError):
    """The configuration is wrong; ``faults`` lists every fault, one line each."""

    exit_code = 2

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class UsageError(HygeiaError):
    """The command cannot be carried out as it was given."""

    exit_code = 2


class StartError(HygeiaError):
    """Something the gateway needs is not available: port, broker, database, folder."""

    exit_code = 2


class InstallationLockedError(StartError):
    """Another process holds the data folder."""

    def __init__(self, folder: Path, holder: str, pid: int | None = None) -> None:
        super().__init__(f"{folder} is in use by {holder}; stop that gateway or use another --data-dir")
        self.folder = folder
        self.pid = pid


class JournalDamagedError(HygeiaError):
    """A journal file has damage that is no torn tail; nothing was changed.

    ``file`` and ``offset`` name the first record that cannot be read; ``position`` is its byte.
    """

    exit_code = 2

    def __init__(self, file: Path, offset: int, position: int, what: str) -> None:
        super().__init__(
            f"{file}: record {offset} at byte {position}: {what}; "
            "restore this file from a copy or see docs/operations.md, 'A damaged journal'",
        )
        self.file = file
        self.offset = offset
        self.position = position


class JournalFailedError(HygeiaError):
    """The disk refused a write or an fsync; the journal of this process is finished."""


class RecordGoneError(HygeiaError):
    """A record is asked for that retention has removed; ``oldest`` is the first one still kept."""

    def __init__(self, offset: int, oldest: int) -> None:
        super().__init__(f"record {offset} is no longer kept; the oldest one is {oldest}")
        self.offset = offset
        self.oldest = oldest


class StoreHeldError(HygeiaError):
    """A store refuses everything for now (credentials, missing bucket): hold, alarm, try again."""
