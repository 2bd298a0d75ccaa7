"""What the templates of nginx have in common: names of variables, which are all global, and the shape of errors."""

import json
import re
from collections import Counter

from services.catalog.openapi.schemas import error_codes
from services.core.serving.envelope import envelope
from tests.support.problems import problem
from tools.stack.plan import TEMPLATES

TEXTS = {template.name: template.read_text() for template in TEMPLATES.glob("*.conf.template")}


def names(pattern: str) -> Counter[str]:
    return Counter(name for text in TEXTS.values() for name in re.findall(pattern, text))


def test_no_expression_writes_over_what_a_location_or_a_map_has_set() -> None:
    captured = names(r"\(\?<([a-z_0-9]+)>")
    made = names(r"\bset(?:_by_lua_block)? \$([a-z_0-9]+)") + names(r"\bmap [^{]+ \$([a-z_0-9]+) \{")
    assert len(captured) > 15
    assert len(made) > 15
    assert not captured.keys() & made.keys()


def test_no_line_of_the_log_has_the_arguments_of_a_request() -> None:
    [formats] = re.findall(r"\nlog_format json.*?\naccess_log", TEXTS["common.conf.template"], re.DOTALL)
    used = set(re.findall(r"\$([a-z_]+)", formats))
    assert "logged_key" in used
    assert not used & {"request", "request_uri", "args", "query_string", "cache_key", "http_referer"}


def test_every_error_of_nginx_itself_is_of_the_shape_of_all_errors() -> None:
    bodies = [body for text in TEXTS.values() for body in re.findall(r"return \d{3} '(.*)';", text)]
    assert len(bodies) > 15
    for body in bodies:
        answer = json.loads(body)
        assert answer.keys() == envelope([]).keys()
        assert answer["data"] == []
        assert problem(answer)["code"] in error_codes()
        assert answer["errors"] == [problem(answer)["message"]]
