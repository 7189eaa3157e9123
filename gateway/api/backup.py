"""A copy of the readings for ``hygeia backup``: only the gateway itself may open the embedded store."""

from __future__ import annotations

import asyncio
import errno
import shutil
import threading
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from fastapi import APIRouter, Request

from gateway.api.auth import Caller, require
from gateway.api.context import context_of
from gateway.api.faults import Reason, RefusedError
from gateway.config import Settings
from gateway.installation import Installation

router = APIRouter(tags=["operation"])
_busy = threading.Lock()


@runtime_checkable
class Copying(Protocol):
    """A store that copies itself."""

    def copy(self, folder: Path) -> int:
        """See ``EmbeddedStore.copy``."""
        ...


@router.post("/backup/readings", responses={409: {"model": Reason}, 507: {"model": Reason}})
async def readings(request: Request, caller: Caller) -> dict[str, Any]:
    """Copy the embedded store to ``backup/`` in the data folder, replacing an earlier copy; say its cursor.

    Writing to the store waits meanwhile. 409: a copy is being made, or the store is no file. 507: too little space.
    """
    require(caller, "administer")
    if not caller.scope.everything:
        raise RefusedError(403, "a copy is of the whole installation; this account has a scope")
    services = context_of(request).services
    if not isinstance(services.store, Copying):
        raise RefusedError(409, "this store has no file that could be copied")
    return {"cursor": await asyncio.to_thread(_copy, services.store, services.settings)}


def _copy(store: Copying, settings: Settings) -> int:
    installation = Installation(settings.data.dir)
    folder = installation.folder / "backup"
    if not _busy.acquire(blocking=False):
        raise RefusedError(409, "a copy is being made already; wait for it")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        size = installation.readings.stat().st_size
        free = shutil.disk_usage(folder).free
        if free < size + settings.journal.min_free:
            words = f"the copy needs {size >> 20} MiB beside journal.min_free, {free >> 20} MiB are free; make room"
            raise RefusedError(507, words)
        return store.copy(folder)
    except OSError as error:
        status = 507 if error.errno == errno.ENOSPC else 409
        raise RefusedError(status, f"{folder}: {error.strerror}") from error
    finally:
        _busy.release()
