"""Ids of what is decided: HMAC(installation key, offset, n), so that a replay gives the same (DESIGN 1)."""

from __future__ import annotations

import hashlib
import hmac
import struct


class Mint:
    """Counts the outputs of one record; ``id()`` names the next one, ``begin`` starts a record."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._offset = -1
        self._n = 0

    def begin(self, offset: int) -> None:
        """Start counting for record ``offset``; a second call for the same record changes nothing."""
        if offset != self._offset:
            self._offset = offset
            self._n = 0

    def n(self) -> int:
        """The place of the next output among those of this record."""
        self._n += 1
        return self._n - 1

    def id(self) -> str:
        """A new id of 20 hexadecimal characters."""
        message = struct.pack("<QI", self._offset, self.n())
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:20]
