"""Logging by structlog: for people on a terminal, JSON lines otherwise. Both go to stderr."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

# Fields that can hold what a person wrote or is called. What is logged are keys, counts and reasons.
_PERSONAL = frozenset({"email", "phone", "name", "comment", "body", "attributes", "data", "headers"})
# Every request is counted in the metrics, a line for each would drown what matters; and what the others log of
# their work shows URLs that hold secrets, or is said by us (migrations).
_AT_LEAST_WARNINGS = (
    "aiokafka",
    "alembic",
    "apprise",
    "faust",
    "httpcore2",
    "httpx2",
    "mode",
    "urllib3",
    "uvicorn.access",
)
# Loggers that go ways of their own once uvicorn has set up its logging in this process.
_OWN_WAYS = ("uvicorn", "uvicorn.error", "uvicorn.access")


def set_up(level: str) -> None:
    """Set up logging for the process; the standard library's loggers (uvicorn) go the same way."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask,
        structlog.processors.StackInfoRenderer(),
    ]
    on_terminal = sys.stderr.isatty()
    renderer: list[Processor] = (
        # Plain tracebacks: the pretty ones show local variables, and with them secrets and personal data.
        [_escape, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if on_terminal
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    for name in _OWN_WAYS:
        other = logging.getLogger(name)
        other.handlers, other.propagate = [], True
        other.setLevel(logging.NOTSET)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _AT_LEAST_WARNINGS:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep what people wrote or are called out of the logs."""
    for name in _PERSONAL & event.keys():
        event[name] = "(masked)"
    return event


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Show line breaks, and whatever else a terminal obeys, instead of doing it. In JSON this is so anyway."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable() and name not in ("stack", "exception"):
            event[name] = "".join(
                each if each.isprintable() else each.encode("unicode_escape").decode() for each in value
            )
    return event
