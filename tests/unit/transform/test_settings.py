"""How long a request may take, in the settings and in the gateway before it."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.transform.settings import TransformSettings

TEMPLATE = Path(__file__).parents[3] / "gateway/nginx/common.conf.template"


@pytest.mark.parametrize(("waiting", "working"), [(16, 20), (50, 10), (60, 60)])
def test_a_request_may_not_take_longer_than_nginx_waits_for_it(waiting: float, working: float) -> None:
    with pytest.raises(ValidationError, match="RENDER_WAIT_SECONDS and twice RENDER_SECONDS"):
        TransformSettings(render_wait_seconds=waiting, render_seconds=working)


@pytest.mark.parametrize("timeout", ["proxy_read_timeout", "proxy_cache_lock_timeout", "proxy_cache_lock_age"])
def test_no_tier_gives_up_before_the_service_does(timeout: str) -> None:
    [seconds] = re.findall(rf"^{timeout} (\d+)s;$", TEMPLATE.read_text(), re.MULTILINE)
    for waiting, working in ((15, 20), (35, 10)):
        allowed = TransformSettings(render_wait_seconds=waiting, render_seconds=working)
        assert allowed.render_wait_seconds + 2 * allowed.render_seconds < float(seconds)


@pytest.mark.parametrize(("working", "waiting"), [(10, 30), (12.5, 30), (20, 15), (27, 1)])
def test_a_request_waits_for_as_long_as_nginx_does_if_nothing_else_is_set(working: float, waiting: float) -> None:
    assert TransformSettings(render_seconds=working).waiting_seconds == waiting
    assert TransformSettings(render_seconds=10, render_wait_seconds=5).waiting_seconds == 5


def test_renders_that_leave_no_time_to_wait_are_refused() -> None:
    with pytest.raises(ValidationError, match="RENDER_WAIT_SECONDS and twice RENDER_SECONDS"):
        TransformSettings(render_seconds=27.5)


def test_what_may_wait_has_the_time_to() -> None:
    standard = TransformSettings()
    assert standard.render_queue <= standard.waiting_seconds * standard.render_threads
