from dataclasses import asdict
from typing import Any

import pytest

from services.core.assets.facts import NO_FACTS, Facts, problem

KNOWN = asdict(Facts(640, 427, "LGF5?xYk^6#M@-5c,1J5@[or[Q6.", "#a1b2c3"))


@pytest.mark.parametrize(
    "facts", [asdict(NO_FACTS), KNOWN, {**KNOWN, "blurhash": None, "dominant_color": None}, {**KNOWN, "width": 1}]
)
def test_facts_may_be_known_in_part(facts: dict[str, Any]) -> None:
    assert problem(facts) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"width": 0}, "width must not be 0"),
        ({"height": -1}, "height must not be -1"),
        ({"width": 2**31}, "width must not be 2147483648"),
        ({"width": True}, "width must not be True"),
        ({"width": 1.5}, "width must not be 1.5"),
        ({"width": "640"}, "width must not be '640'"),
        ({"height": None}, "width and height must be given together"),
        ({"blurhash": ""}, "blurhash must not be ''"),
        ({"blurhash": "<script>alert(1)</script>"}, "blurhash must not be '<script>alert(1)</script>'"),
        ({"blurhash": 7}, "blurhash must not be 7"),
        ({"dominant_color": "red"}, "dominant_color must not be 'red'"),
        ({"dominant_color": "#A1B2C3"}, "dominant_color must not be '#A1B2C3'"),
    ],
)
def test_facts_that_cannot_be_are_told(wrong: dict[str, Any], says: str) -> None:
    assert problem({**KNOWN, **wrong}) == says
