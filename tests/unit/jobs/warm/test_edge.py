"""How long the worker waits for a node of the edge."""

import re
from pathlib import Path

import pytest

from services.jobs.warm.edge import ANSWER_SECONDS

TEMPLATE = Path(__file__).parents[4] / "gateway/nginx/common.conf.template"


@pytest.mark.parametrize("timeout", ["proxy_read_timeout", "proxy_cache_lock_timeout"])
def test_nginx_has_answered_before_it_is_taken_for_away(timeout: str) -> None:
    [seconds] = re.findall(rf"^{timeout} (\d+)s;$", TEMPLATE.read_text(), re.MULTILINE)
    assert float(seconds) < ANSWER_SECONDS
