"""Files of people and terminals (photographs, slips), each under the SHA-256 of its bytes.

``data.dir/files/ab/abcd….bin`` holds the bytes, ``….json`` beside it who handed them in. A file is written once and
never changed; only the list of those who handed it in grows, and with it the scopes in which it is seen.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse

from gateway.api.auth import AnyCaller, Caller, require
from gateway.api.context import Context, context_of
from gateway.api.faults import SHA256, Reason, RefusedError, wrong
from gateway.api.lists import Listed, answer, decode_cursor, encode_cursor
from gateway.api.scope import Scope
from gateway.api.shapes import Page, StoredFile
from gateway.journal.disk import Disk

router = APIRouter(tags=["files"])

LARGEST = 32 * 1024 * 1024
_COLUMNS = ("sha256", "size", "content_type", "received_at", "by")
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
#: Written back only as these; anything else is a download, so that no browser runs it under this address.
_SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "application/pdf"})

Sha256 = Annotated[str, InPath(pattern=SHA256, description="SHA-256 of the bytes, in hex.")]


class Owner(msgspec.Struct):
    """Who handed a file in, with the scope of that account."""

    by: str
    unit: str | None
    grid: str | None
    at: int


class Note(msgspec.Struct):
    """What is known of a file."""

    sha256: str
    size: int
    content_type: str
    owners: list[Owner]

    def seen_in(self, scope: Scope) -> bool:
        """Whether somebody of the same scope handed it in."""
        if scope.everything:
            return True
        return any(scope.covers(owner.unit or "", owner.grid or "") for owner in self.owners)

    def shown(self) -> dict[str, Any]:
        """The shape ``StoredFile``."""
        first = self.owners[0]
        return {
            "sha256": self.sha256,
            "size": self.size,
            "content_type": self.content_type,
            "received_at": first.at,
            "by": first.by,
        }


class Shelf:
    """The folder of files. Blocking; from any thread."""

    _lock = threading.Lock()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.disk = Disk()

    def path(self, sha256: str) -> Path:
        """Where the bytes are."""
        return self.folder / sha256[:2] / f"{sha256}.bin"

    def note(self, sha256: str) -> Note | None:
        """What is known of a file, None where it is not here."""
        try:
            return msgspec.json.decode(self.path(sha256).with_suffix(".json").read_bytes(), type=Note)
        except (FileNotFoundError, msgspec.DecodeError):
            return None  # a damaged note costs its own file only, until that is handed in again

    def notes(self) -> Iterator[Note]:
        """Every file in order of its hash."""
        if self.folder.is_dir():
            for path in sorted(self.folder.glob("??/*.json")):
                found = self.note(path.stem)
                if found is not None:
                    yield found

    def begin(self, sha256: str) -> tuple[int, Path]:
        """Open a part file for ``append``."""
        target = self.path(sha256)
        if not target.parent.is_dir():
            self.disk.prepare(target.parent)
        part = target.with_suffix(f".{secrets.token_hex(4)}.tmp")
        return self.disk.call("open", os.open, part, _NEW, 0o600), part

    def finish(self, fd: int, part: Path, note: Note) -> Note:
        """Make the part durable under its hash, then the note; the same file again only adds an owner.

        Gives the note that is kept, which is the first one's where the file was here.
        """
        target = self.path(note.sha256)
        self.disk.sync(fd, part)
        with self._lock:
            if not target.exists():
                self.disk.call("rename", os.rename, part, target)
                self.disk.sync_folder(target.parent)
            known = self.note(note.sha256)
            if known is not None:
                new = [one for one in note.owners if (one.by, one.unit, one.grid) not in _who(known)]
                if not new:
                    return known
                note = msgspec.structs.replace(known, owners=known.owners + new)
            self.disk.replace(target.with_suffix(".json"), msgspec.json.encode(note))
        return note

    def drop(self, fd: int, part: Path) -> None:
        """Close, and remove what was not finished."""
        os.close(fd)
        if part.exists():
            self.disk.call("unlink", os.unlink, part)


def _who(note: Note) -> set[tuple[str, str | None, str | None]]:
    return {(one.by, one.unit, one.grid) for one in note.owners}


def _shelf(context: Context) -> Shelf:
    return Shelf(context.services.settings.data.dir / "files")


@router.get("/files", response_model=Page[StoredFile])
def files(request: Request, caller: Caller, query: Listed) -> Response:
    """List the files in scope in order of their hashes.

    Nothing ties a file to a device or place yet, so those filters leave nothing.
    """
    after = decode_cursor(query.after, _cursor)
    items: list[dict[str, Any]] = []
    narrowed = query.device is not None or query.place is not None
    notes = [] if narrowed else [note for note in _shelf(context_of(request)).notes() if note.seen_in(caller.scope)]
    for note in reversed(notes) if query.descending else notes:
        shown = note.shown()
        if after is not None and (note.sha256 >= after if query.descending else note.sha256 <= after):
            continue
        if not query.start <= shown["received_at"] < query.end:
            continue
        if len(items) == query.limit:
            return answer(items, encode_cursor([items[-1]["sha256"]]), query, _COLUMNS, ("received_at",))
        items.append(shown)
    return answer(items, None, query, _COLUMNS, ("received_at",))


@router.put(
    "/files/{sha256}",
    response_model=StoredFile,
    responses={413: {"model": Reason}, 422: {"model": Reason}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def put(request: Request, caller: AnyCaller, sha256: Sha256) -> Response:
    """Hand a file in under the SHA-256 of its bytes, at most 32 MiB. The same file again changes nothing."""
    require(caller, "handle")
    context = context_of(request)
    shelf = _shelf(context)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > LARGEST:
        raise _too_large()
    await asyncio.to_thread(_room_for, shelf, context)
    fd, part = await asyncio.to_thread(shelf.begin, sha256)
    try:
        size = await _receive(request, shelf, fd, sha256)
        owner = Owner(caller.name, caller.scope.unit, caller.scope.grid, context.services.clock.now_ms())
        content_type = request.headers.get("content-type", "application/octet-stream")[:100]
        note = Note(sha256, size, content_type, [owner])
        note = await asyncio.to_thread(shelf.finish, fd, part, note)
    finally:
        await asyncio.to_thread(shelf.drop, fd, part)
    return Response(msgspec.json.encode(note.shown()), media_type="application/json")


def _room_for(shelf: Shelf, context: Context) -> None:
    """The journal's room is not given to files: raises 507 where it would be touched."""
    settings = context.services.settings
    if shelf.disk.free(settings.data.dir) < settings.journal.min_free + LARGEST:
        raise RefusedError(507, "too little disk space for files")


async def _receive(request: Request, shelf: Shelf, fd: int, sha256: str) -> int:
    """Write the body as it comes; raises 413 or 422 where it is too long or not what its name says."""
    hashed = hashlib.sha256()
    size = 0
    try:
        async for chunk in request.stream():
            if not chunk:
                continue
            if size + len(chunk) > LARGEST:
                raise _too_large()
            hashed.update(chunk)
            await asyncio.to_thread(shelf.disk.append, fd, size, chunk)
            size += len(chunk)
    except ClientDisconnect:
        raise RefusedError(400, "the body ended early") from None
    if hashed.hexdigest() != sha256:
        raise wrong("sha256", sha256, f"the SHA-256 of the body, which is {hashed.hexdigest()}")
    return size


@router.get("/files/{sha256}", response_class=FileResponse, responses={404: {"model": Reason}})
def get(request: Request, caller: Caller, sha256: Sha256) -> Response:
    """Fetch a file in scope."""
    shelf = _shelf(context_of(request))
    note = shelf.note(sha256)
    if note is None or not note.seen_in(caller.scope):
        raise RefusedError(404, f"there is no file {sha256}")
    kind = note.content_type.partition(";")[0].strip().lower()
    shown = kind in _SHOWN
    return FileResponse(
        shelf.path(sha256),
        media_type=kind if shown else "application/octet-stream",
        filename=None if shown else sha256,
        headers={"Content-Security-Policy": "sandbox; default-src 'none'", "ETag": f'"{sha256}"'},
    )


def _too_large() -> RefusedError:
    return RefusedError(413, f"a file has at most {LARGEST} bytes")


def _cursor(parts: Any) -> str:  # noqa: ANN401 - whatever a cursor holds
    (text,) = parts
    if not isinstance(text, str):
        raise TypeError
    return text
