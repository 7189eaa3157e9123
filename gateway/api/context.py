"""What the routes of one app share."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from fastapi import Request

from gateway.api.board import Board, BoardCache
from gateway.api.moves import Moves, MovesCache
from gateway.api.rule_words import RuleWords, RuleWordsCache
from gateway.api.services import Services
from gateway.api.throttle import Throttle
from gateway.api.whereabouts import Whereabouts, WhereaboutsCache
from gateway.clock import Clock
from gateway.histories import Histories
from gateway.outlines import Outlines

if TYPE_CHECKING:
    from gateway.api.alert_board import Counts
    from gateway.api.custody_board import Overviews
    from gateway.api.kpi import KpiCache
    from gateway.api.metrics import Metrics
    from gateway.api.overview import Figures


class Context:
    """``wall`` is the clock of sessions and throttling; ``services.clock`` may be simulated."""

    def __init__(
        self,
        services: Services,
        wall: Clock,
        *,
        figures: Figures,
        metrics: Metrics,
        counts: Counts,
        figures_of_alerts: KpiCache,
        overviews: Overviews,
    ) -> None:
        self.services = services
        self.wall = wall
        self.figures = figures
        self.metrics = metrics
        self.counts = counts
        self.figures_of_alerts = figures_of_alerts
        self.overviews = overviews
        self.outlines = Outlines(services.settings.data.dir)
        self.throttle = Throttle()
        #: Tries of acknowledge links are counted apart: they must not keep anybody from signing in.
        self.link_throttle = Throttle()
        self.throttle_lock = threading.Lock()
        self._whereabouts = WhereaboutsCache()
        self._moves = MovesCache(services.engine)
        self._board = BoardCache()
        self._rule_words = RuleWordsCache()
        self._zone: ZoneInfo | None = None

    async def zone(self) -> ZoneInfo:
        """The zone of the installation; its file is read once, not in the event loop."""
        if self._zone is None:
            self._zone = await asyncio.to_thread(lambda: self.services.settings.zone)
        return self._zone

    def whereabouts(self) -> Whereabouts:
        """Where everything stands now."""
        return self._whereabouts.get(self.services.registry(), self.services.clock.now_ms())

    def board(self) -> Board:
        """Every place with its newest values."""
        return self._board.get(self.services, self.whereabouts())

    def rule_words(self) -> RuleWords:
        """The words of the rules in force."""
        return self._rule_words.get(self.services.packs)

    def histories(self) -> Histories:
        """Histories of containers as decide knows them now; what it gives reads the state: not in the event loop."""
        return self.services.histories()

    def moves(self) -> Moves:
        """Where everything stood, from the beginning. Reads the state where the registry has changed."""
        return self._moves.get(self.whereabouts())


def context_of(request: Request) -> Context:
    """The context of the app that serves ``request``."""
    return cast(Context, request.app.state.context)
