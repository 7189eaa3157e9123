"""How far the machine's clock can be believed: who keeps it and how far it was found off (Linux: adjtimex)."""

from __future__ import annotations

import ctypes
import sys

_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """``struct timex`` of <sys/timex.h>, up to what is read here; padded generously, the kernel writes all of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("padding", ctypes.c_char * 512),
    )


def clock_state() -> tuple[str, int]:
    """Where the clock has its time from (``ntp``, ``free``, ``unknown``) and the offset last measured, microseconds."""
    if not sys.platform.startswith("linux"):
        return "unknown", 0
    found = _Timex(modes=0)
    try:
        status = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(found))
    except (OSError, AttributeError):
        return "unknown", 0
    if status < 0:
        return "unknown", 0
    if status == _TIME_ERROR or found.status & _STA_UNSYNC:
        return "free", 0
    return "ntp", found.offset // 1000 if found.status & _STA_NANO else found.offset
