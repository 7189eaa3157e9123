"""The outlines of an installation: ``outlines.geojson`` in its data folder (``devices.outlines`` made it)."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import msgspec

from gateway.journal.disk import Disk

NAME = "outlines.geojson"
EMPTY: dict[str, Any] = {"type": "FeatureCollection", "features": []}


class Outlines:
    """Read again only when the file has changed. From any thread."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self._file = folder / NAME
        self._disk = disk or Disk()
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._document = EMPTY
        self._version = ""

    def get(self) -> tuple[dict[str, Any], str]:
        """The document, which nobody may change, and its version; empty and ``""`` where none was imported."""
        with self._lock:
            try:
                found = self._file.stat()
            except FileNotFoundError:
                self._stamp, self._document, self._version = None, EMPTY, ""
                return self._document, self._version
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp != self._stamp:
                content = self._file.read_bytes()
                self._document = msgspec.json.decode(content)
                self._version = hashlib.sha256(content).hexdigest()[:16]
                self._stamp = stamp
            return self._document, self._version

    def put(self, document: dict[str, Any]) -> None:
        """Keep another document, whole or not at all."""
        self._disk.replace(self._file, msgspec.json.encode(document))
