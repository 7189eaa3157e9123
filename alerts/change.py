"""What evaluation says: a condition holds from now on, or no longer (pure). ``alerts.desk`` makes alerts of it."""

from __future__ import annotations

import msgspec

from devices.observation import Subject


class Change(msgspec.Struct, frozen=True):
    """One turn of one condition; (``subject.key``, ``pack``, ``rule``) says which.

    ``value`` is what moved it, or the last bad one where nothing did; ``limit_value`` the limit that was broken; None
    where the condition has no number. ``since`` and ``ts`` are event time: when it began, and of what moved it; ``at``
    is journal time: when it was decided. All times are ms since 1970 UTC. ``reason`` is of ``alerts.lifecycle.Reason``.
    ``digest`` names the pack's version. ``kind`` is the kind of the condition (``limit``, ``absent``, ...).

    ``latching``, ``reopen_ms`` and ``tell`` are the rule's; ``early_of`` is the id of the rule that this one is the
    early warning of, empty for all others.
    """

    on: bool
    rule: str
    pack: str
    digest: str
    severity: str
    kind: str
    subject: Subject
    value: float | None
    limit_value: float | None
    since: int
    ts: int
    at: int
    reason: str
    latching: bool = False
    reopen_ms: int = 0
    tell: bool = True
    early_of: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """Which condition of which subject."""
        return self.subject.key, self.pack, self.rule


class Finding(msgspec.Struct, frozen=True):
    """A late reading that breaks a limit: listed for compliance, moves no alert (DESIGN 3)."""

    rule: str
    pack: str
    severity: str
    subject: Subject
    value: float
    limit_value: float
    ts: int
    at: int
