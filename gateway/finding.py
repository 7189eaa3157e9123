"""What a check of the doctor says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One check: ``key`` of ``doctor.TITLES``, whether it is well, and what was found or is to be done (en, zh)."""

    key: str
    ok: bool
    en: str
    zh: str


class FaultError(Exception):
    """A check that failed: what to do, in both languages."""

    def __init__(self, en: str, zh: str | None = None) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh or en
