import logging
from pathlib import Path

import orjson
import pytest

from services.core import logs
from services.core.logs import JsonFormatter, TextFormatter


@pytest.fixture
def record(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    logs.event(logging.getLogger("test"), logging.WARNING, "purge_delayed", asset="/DEV/cat.webp", path=Path("a/b"))
    return caplog.records[-1]


def test_an_event_is_one_line_of_json_with_its_fields(record: logging.LogRecord) -> None:
    line = JsonFormatter("catalog").format(record)
    assert "\n" not in line
    told = orjson.loads(line)
    assert told.pop("time").endswith("+00:00")
    assert told == {
        "level": "warning",
        "service": "catalog",
        "event": "purge_delayed",
        "asset": "/DEV/cat.webp",
        "path": "a/b",
    }


def test_an_event_is_one_line_of_text_for_people(record: logging.LogRecord) -> None:
    assert TextFormatter().format(record) == "warning: purge_delayed asset=/DEV/cat.webp path=a/b"


def test_a_crash_is_logged_with_its_traceback_on_the_same_json_line(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise RuntimeError("on purpose")
    except RuntimeError:
        logging.getLogger("test").exception("crashed")
    line = JsonFormatter("catalog").format(caplog.records[-1])
    assert "\n" not in line
    assert "RuntimeError: on purpose" in orjson.loads(line)["traceback"]
    assert "RuntimeError: on purpose" in TextFormatter().format(caplog.records[-1])
