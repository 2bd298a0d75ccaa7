import io
import logging
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from services.core.observing import logs

EVENTS = """
import logging, sys
from pathlib import Path
from services.core.observing import logs
logs.set_up("catalog", sys.argv[1], "INFO")
log = logging.getLogger("services.test")
{}
print("end", file=sys.stderr)
"""
ONE = 'logs.event(log, logging.WARNING, "purge_delayed", asset="/DEV/cat.webp", path=Path("a/b"))'
SAID = {"level": "warning", "service": "catalog", "event": "purge_delayed", "asset": "/DEV/cat.webp", "path": "a/b"}


def logged(style: str, code: str, **how: object) -> str:
    """Return what a process logs that is set up as a service is; fail if it does not come to its end."""
    command = [sys.executable, "-c", EVENTS.format(code), style]
    ran = subprocess.run(command, cwd=Path(logs.__file__).parents[3], **({"capture_output": True} | how))  # type: ignore[call-overload]
    assert ran.stderr.endswith(b"end\n"), ran.stderr
    return (ran.stdout or b"").decode()


def told(line: str) -> dict[str, object]:
    found: dict[str, object] = orjson.loads(line)
    assert str(found.pop("time")).endswith("+00:00")
    return found


def test_an_event_is_one_line_of_json_with_its_fields() -> None:
    [line] = logged("json", ONE).splitlines()
    assert told(line) == SAID


def test_an_event_is_one_line_of_text_for_people() -> None:
    assert logged("text", ONE) == "warning: purge_delayed asset=/DEV/cat.webp path=a/b\n"


def test_what_a_library_logs_looks_the_same() -> None:
    line = logged("json", 'logging.getLogger("library").warning("%s is slow", "it")')
    assert told(line) == {"level": "warning", "service": "catalog", "event": "it is slow"}
    assert logged("text", 'logging.getLogger("library").warning("%s is slow", "it")') == "warning: it is slow\n"


def test_what_is_below_the_level_is_not_logged() -> None:
    assert logged("json", 'logs.event(log, logging.DEBUG, "detail")') == ""


@pytest.mark.parametrize(
    "how", ["logs.event(log, logging.ERROR, 'crashed', exc_info=error)", "log.exception('crashed')"]
)
def test_a_crash_is_logged_with_its_traceback_on_the_same_json_line(how: str) -> None:
    code = f"try:\n    raise RuntimeError('on purpose')\nexcept RuntimeError as error:\n    {how}"
    [line] = logged("json", code).splitlines()
    assert str(told(line)["traceback"]).endswith("RuntimeError: on purpose")
    assert logged("text", code).endswith("RuntimeError: on purpose\n")


def test_a_name_that_is_no_text_is_logged_all_the_same() -> None:
    code = 'logs.event(log, logging.INFO, "found", file="caf\\udce9")'
    assert orjson.loads(logged("json", code).replace("\\udce9", "?"))["file"] == "caf?"
    assert logged("text", code) == "found file=caf\\udce9\n"


def test_a_full_disk_under_the_log_is_no_reason_to_fail() -> None:
    with Path("/dev/full").open("wb") as full:
        logged("json", f"for _ in range(100): {ONE}", stdout=full, capture_output=False, stderr=subprocess.PIPE)


def test_before_it_is_set_up_events_go_to_whoever_listens(caplog: pytest.LogCaptureFixture) -> None:
    logs.event(logging.getLogger("test"), logging.WARNING, "purge_delayed", asset="/DEV/cat.webp")
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.Formatter(logs.text_line))
    handler.emit(caplog.records[-1])
    assert out.getvalue() == "warning: purge_delayed asset=/DEV/cat.webp\n"
