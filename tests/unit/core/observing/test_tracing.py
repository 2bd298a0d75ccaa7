import subprocess
import sys

from services.core.observing import origin, tracing
from tools.stack.plan import ROOT


def test_without_an_endpoint_nothing_is_imported_and_nothing_is_traced() -> None:
    code = (
        "import sys; from services.core.observing import tracing; from services.core.state import connection\n"
        "tracing.set_up('x', ''); connection.connect('redis://x')\n"
        "assert tracing.span('a', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01') is tracing.part('b')\n"
        "assert tracing.traceparent() == ''\n"
        "assert not [name for name in sys.modules if name.startswith(('opentelemetry', 'google.protobuf'))]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_what_is_passed_on_is_the_request_that_is_worked_for() -> None:
    assert origin.passed_on() == {"request_id": "", "traceparent": "", "who": ""}
    with origin.working_for("edge-0123"):
        with origin.acting_as("cms"):
            assert origin.passed_on() == {"request_id": "edge-0123", "traceparent": "", "who": "cms"}
        assert origin.passed_on()["who"] == ""
    with origin.working_for("no id"):
        made = origin.passed_on()["request_id"]
    assert len(made) == 16
    assert tracing.is_on() is False
