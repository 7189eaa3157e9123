"""Structured logs on standard error: events of structlog and of libraries alike, never with a secret."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Literal, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

#: ``user:password@`` of any address, and what follows a token-like key in a query.
_ADDRESS = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")
_QUERY = re.compile(r"(?i)\b((?:access_)?token|secret|password|key|sign)=[^&\s]+")
_SECRET_NAMES = frozenset({"authorization", "cookie", "password", "passwd", "secret", "token", "webhook"})
HIDDEN = "***"


class _StandardError:
    """Standard error as it is at each line: a program that puts another in its place is followed."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def configure(level: str = "info", form: Literal["console", "json"] = "console", stream: TextIO | None = None) -> None:
    """Set up logging of this process; may be called again. ``stream`` defaults to standard error."""
    target = stream or cast("TextIO", _StandardError())
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=target.isatty(), pad_event_to=0)
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    # Libraries tell every request at info; that is what /metrics is for.
    for name in ("uvicorn.access", "alembic", "aiohttp.access"):
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace values under telling names, and passwords inside addresses, by ``***``."""
    return {name: _clean(name, value) for name, value in event.items()}


def _clean(name: str, value: Any) -> Any:  # noqa: ANN401 - a log line carries anything
    if any(part in _SECRET_NAMES for part in name.lower().split("_")):
        return HIDDEN if value else value
    if isinstance(value, str):
        return _QUERY.sub(rf"\1={HIDDEN}", _ADDRESS.sub(rf"\1:{HIDDEN}@", value))
    if isinstance(value, dict):
        return {key: _clean(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", item) for item in value]
    return value
