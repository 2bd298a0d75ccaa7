"""The tags of answers: what a CDN is told to purge is what it was told when it stored the answer."""

import re
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.assets import names
from services.core.assets.cache_tags import OFF, CacheTags, headers

TAGS = CacheTags("tada")
LONGEST = "/" + "/".join(["x" * 90] * 12) + ".webp"


def digest(text: str) -> str:
    return f"tada-{md5(text.encode(), usedforsecurity=False).hexdigest()[:12]}"


def test_an_answer_names_the_installation_each_folder_and_the_asset() -> None:
    assert TAGS.of_answer("/DEV/shop/new/cat.webp") == (
        "tada",
        digest("/DEV/"),
        digest("/DEV/shop/"),
        digest("/DEV/shop/new/"),
        digest("/DEV/shop/new/cat"),
    )


@pytest.mark.parametrize("other", ["/DEV/cat.jpg", "/DEV/cat.webp", "/DEV/cat.gif"])
def test_all_extensions_of_a_path_are_one_asset(other: str) -> None:
    assert TAGS.of_asset(other) == TAGS.of_asset("/DEV/cat.png")


def test_an_asset_is_not_the_folder_of_the_same_name() -> None:
    assert TAGS.of_asset("/DEV/cat.webp") not in TAGS.of_answer("/DEV/cat/dog.webp")


@given(st.from_regex(names.UNIQUE_NAME, fullmatch=True), st.sampled_from(["tada", "a", "x" * 32]))
def test_no_cdn_refuses_a_tag(unique_name: str, prefix: str) -> None:
    tags = CacheTags(prefix).of_answer(unique_name)
    assert CacheTags(prefix).of_asset(unique_name) == tags[-1]
    assert all(re.fullmatch("[a-z0-9-]{1,45}", tag) for tag in tags)


def test_the_headers_of_the_longest_path_are_short() -> None:
    found = headers("tada", LONGEST)
    assert found["cache-tag"].split(",") == found["surrogate-key"].split(" ")
    # Akamai takes 128 tags of an answer, CloudFront 50, bunny 1024 bytes, Cloudflare and Fastly 16 kB.
    assert len(found["cache-tag"]) < 250


def test_an_answer_for_no_asset_names_the_installation() -> None:
    assert headers("shop-2", None) == {"cache-tag": "shop-2", "surrogate-key": "shop-2"}


def test_tags_can_be_turned_off() -> None:
    assert headers(OFF, "/DEV/cat.webp") == {}
