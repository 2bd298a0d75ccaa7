"""Logging: one line per event on standard output, as JSON for machines or as text for people."""

import logging
import sys
from datetime import UTC, datetime

import orjson

from services.core import origin

_EXTRA = "tada"


class JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "event": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = " ".join([record.getMessage(), *(f"{key}={value}" for key, value in _fields(record).items())])
        if record.levelno >= logging.WARNING:
            text = f"{record.levelname.lower()}: {text}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def _fields(record: logging.LogRecord) -> dict[str, object]:
    """Return what goes with an event; last the request that it is about, if it is about one."""
    fields: dict[str, object] = getattr(record, _EXTRA, {})
    request_id = origin.request_id.get()
    return {**fields, "request_id": request_id} if request_id else fields


def set_up(service: str, style: str, level: str) -> None:
    """Send all logging of this process to standard output."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service) if style == "json" else TextFormatter())
    # Nothing here says from which line, thread or task an event comes, and looking for it takes longer than the rest
    # (see "Optimization" in the documentation of logging).
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for talkative in ("uvicorn.error", "arq", "pyvips", "botocore", "aiobotocore", "httpx", "httpcore"):
        logging.getLogger(talkative).setLevel("WARNING")


def event(
    logger: logging.Logger, level: int, name: str, exc_info: BaseException | None = None, **fields: object
) -> None:
    """Log an event with its fields, and with the traceback of an error."""
    logger.log(level, name, exc_info=exc_info, extra={_EXTRA: fields})
