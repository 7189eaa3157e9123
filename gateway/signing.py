"""What keeps the ledger of a running gateway believable: its notary, its witnesses, the seals of journal segments."""

from __future__ import annotations

from pathlib import Path

from gateway.api.services import Lag
from gateway.clock import Clock
from gateway.config import Settings
from gateway.core import Core
from gateway.doubt import read_doubt
from gateway.installation import Installation
from gateway.journal.disk import Disk
from gateway.notary import Alarm, Notary
from gateway.segments import Segments
from gateway.witnesses import Witnesses


class Signing:
    """Three threads that follow decide. Raises StartError for a key that is none, or a folder that cannot be made."""

    def __init__(self, core: Core, clock: Clock, alarm: Alarm) -> None:
        settings, durable = core.settings, core.journal.durable
        file = head_file(settings)
        disk = Disk()
        disk.prepare(file.parent)

        def replayed() -> bool:
            return core.decider.cursor >= durable

        self.witnesses = Witnesses(core.engine, settings.ledger.witnesses)
        folder = core.installation.folder
        # A head that is kept on another disk was not put back with the state: it tells what was signed after it.
        elsewhere = file.exists() and not file.is_relative_to(folder)
        self.notary = Notary(
            core.engine,
            core.installation.ledger_key(settings.ledger.key_file),
            settings.ledger,
            file,
            zone=settings.zone,
            clock=clock,
            alarm=alarm,
            replayed=replayed,
            witnesses=self.witnesses,
            disk=disk,
            doubt=None if elsewhere else read_doubt(folder),
        )
        self.segments = Segments(core.engine, core.journal, core.installation.journal, clock, replayed)

    def start(self) -> None:
        """Start all three."""
        self.witnesses.start()
        self.notary.start()
        self.segments.start()

    def stop(self, timeout: float) -> None:
        """Sign what is committed, show it to the witnesses, end. To be called when decide has stopped."""
        self.notary.stop(timeout)
        self.witnesses.stop(timeout)

    def lag(self, decided: int) -> Lag:
        """How far the signed head has come; ``decided`` is decide's cursor."""
        notary = self.notary
        words = "; ".join([notary.words] if notary.words else self.witnesses.waiting())
        return Lag(decided, max(notary.unsigned, 0), "held" if notary.words else "ok", words)


def head_file(settings: Settings) -> Path:
    """Where the last signed head is, outside the database."""
    return settings.ledger.head_file or Installation(settings.data.dir).folder / "ledger" / "head"
