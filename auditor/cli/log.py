"""Log records as words on stderr: text for people, one JSON object a line for programs."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

from auditor.cli.context import Session, json_line

_LEVELS = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def start(session: Session) -> None:
    """Send what `auditor` logs to stderr, as much and in the form the global options say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if session.log_format == "json" else _Text())
    logger = logging.getLogger("auditor")
    logger.handlers[:] = [handler]
    logger.setLevel(_LEVELS.get(session.verbosity, logging.DEBUG))
    logger.propagate = False


class _Text(logging.Formatter):
    """`warning: page refused site_url=example.webex.com status=403`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        return f"{record.levelname.lower()}: {record.getMessage()}{fields}"


class _Json(logging.Formatter):
    """Time, level, logger, message and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        return json_line(_fields(record) | line)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """What the event was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}
