from types import SimpleNamespace

import pytest

from services.core.probes import pulse
from services.core.probes.health import Health
from services.core.probes.internal import Internal
from services.core.probes.pulse import Pulse
from services.core.settings import CoreSettings


@pytest.mark.parametrize(("patience", "seconds", "status"), [(20, 0, 200), (20, 20, 200), (20, 21, 503)])
async def test_a_loop_that_no_longer_turns_is_said_though_the_event_loop_works(
    patience: float, seconds: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(pulse, "time", SimpleNamespace(monotonic=lambda: now))
    beating = Pulse(patience)
    internal = Internal("jobs", CoreSettings(), Health({}), pulse=beating)
    assert (await internal.answer("GET", "/healthz"))[0] == 503, "it has not begun to work yet"
    beating.beat()
    now += seconds
    assert (await internal.answer("GET", "/healthz"))[0] == status
    beating.beat()
    assert (await internal.answer("GET", "/healthz"))[0] == 200


async def test_without_such_a_loop_the_event_loop_answers_for_all() -> None:
    assert (await Internal("catalog", CoreSettings(), Health({})).answer("GET", "/healthz"))[0] == 200
