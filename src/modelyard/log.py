"""The server's own log: one line per event, for people on a terminal, as JSON anywhere else."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import orjson
import structlog
from structlog.typing import Processor, WrappedLogger


def configure(level: str, form: str) -> None:
    """Set up logging for this process, on standard error.

    Args:
        level: "debug", "info", "warning" or "error".
        form: "console", "json", or "auto": console on a terminal.
    """
    as_text = form == "console" or (form == "auto" and sys.stderr.isatty())
    last: list[Processor] = [structlog.dev.ConsoleRenderer()]
    output: Callable[..., WrappedLogger] = structlog.PrintLoggerFactory(sys.stderr)
    if not as_text:
        renderer = structlog.processors.JSONRenderer(serializer=_line)
        last = [structlog.processors.format_exc_info, renderer]
        output = structlog.BytesLoggerFactory(sys.stderr.buffer)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=output,
        # Every request writes a line: its logger is not put together each time.
        cache_logger_on_first_use=True,
    )
    # What libraries say is of interest only when something is wrong.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


def _line(event: Any, *, default: Callable[[Any], Any], **_others: object) -> bytes:
    """Return one line of the log as JSON."""
    try:
        return orjson.dumps(event, default=default)
    except TypeError:  # half a surrogate pair, or a number beyond 64 bits: slow, and no worse
        return json.dumps(event, default=default).encode()
