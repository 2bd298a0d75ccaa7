"""Which folders a request names."""

import pytest

from services.catalog.routes.folders import LIMIT, LIMIT_MAX, Asked, parse
from services.core.errors import BadRequest


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], Asked("", "", LIMIT)),
        ([("parent", ""), ("namespace", ""), ("limit", ""), ("cursor", "")], Asked("", "", LIMIT)),
        ([("parent", "/")], Asked("", "", LIMIT)),
        ([("parent", "/DEV/shop")], Asked("/DEV/shop", "", LIMIT)),
        ([("parent", "DEV/shop/")], Asked("/DEV/shop", "", LIMIT)),
        ([("namespace", "DEV")], Asked("/DEV", "", LIMIT)),
        ([("namespace", "DEV"), ("parent", "/DEV/shop")], Asked("/DEV/shop", "", LIMIT)),
        ([("cursor", "DEV"), ("limit", "7")], Asked("", "/DEV", 7)),
        ([("parent", "/DEV"), ("cursor", "shop")], Asked("/DEV", "/DEV/shop", LIMIT)),
    ],
)
def test_a_request_names_a_page(given: list[tuple[str, str]], wanted: Asked) -> None:
    assert parse(given) == wanted


@pytest.mark.parametrize(
    "given",
    [
        [("folder", "/DEV")],
        [("parent", "/DEV"), ("parent", "/DEV")],
        [("parent", "//")],
        [("parent", "/DEV//shop")],
        [("parent", "/../etc")],
        [("parent", "x" * 100_000)],
        [("namespace", "a/b")],
        [("namespace", "DEV"), ("parent", "/")],
        [("namespace", "DEV"), ("parent", "/DEVELOPMENT")],
        [("cursor", "a/b")],
        [("cursor", "\x00")],
        [("limit", "0")],
        [("limit", str(LIMIT_MAX + 1))],
    ],
)
def test_what_cannot_be_right_is_refused(given: list[tuple[str, str]]) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(given)
    assert refused.value.hint
    assert len(refused.value.message) < 200
