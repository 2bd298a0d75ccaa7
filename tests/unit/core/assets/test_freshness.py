from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from services.core.assets import freshness as caching
from services.core.assets.freshness import Lifetimes

MONTH, MINUTE = 30 * 86400, 60
DEFAULT = Lifetimes(cache=MONTH, edge=MINUTE, browser=MINUTE)
NOW = 1_800_000_000.0

lifetimes_of_any_length = st.builds(
    Lifetimes, cache=st.integers(1, 2 * MONTH), edge=st.integers(1, 86400), browser=st.integers(0, 365 * 86400)
)


def ends(header: str, now: float) -> float:
    """Return when nginx drops what it stores at `now`: after so many seconds, or when the second after `@` is over."""
    return int(header[1:]) + 1 if header.startswith("@") else now + int(header)


def browser_seconds(cache_control: str) -> int:
    return next((int(part[8:]) for part in cache_control.split(", ") if part.startswith("max-age=")), 0)


def test_what_has_no_end_is_kept_a_month_by_the_cache_and_a_minute_by_edge_and_browser() -> None:
    freshness = caching.positive(DEFAULT, NOW, None)
    assert freshness.headers["x-accel-expires"] == "2592000"
    assert freshness.headers["x-edge-expires"] == "60"
    assert freshness.headers["cache-control"].startswith("public, max-age=60, ")
    assert not freshness.last_call


@pytest.mark.parametrize("seconds", [0, 1, 3600, 365 * 86400])
@pytest.mark.parametrize("expires_at", [None, NOW + 1000 * 86400])
def test_a_browser_keeps_an_answer_as_long_as_the_setting_says(seconds: int, expires_at: float | None) -> None:
    lifetimes = Lifetimes(cache=MONTH, edge=MINUTE, browser=seconds)
    assert browser_seconds(caching.positive(lifetimes, NOW, expires_at).headers["cache-control"]) == seconds
    brief = caching.positive(lifetimes.brief(), NOW, None).headers["cache-control"]
    assert browser_seconds(brief) == min(seconds, 60)


def test_what_has_no_end_may_be_served_stale_while_the_origin_is_down_or_asked() -> None:
    control = caching.positive(DEFAULT, NOW, None).headers["cache-control"]
    assert "stale-if-error=2592000" in control
    assert "stale-while-revalidate=60" in control


def test_a_cdn_that_is_not_purged_gets_no_lifetime_of_its_own() -> None:
    kinds = (caching.positive(DEFAULT, NOW, None).headers, caching.negative(DEFAULT), caching.listed(DEFAULT))
    assert all("s-maxage" not in headers["cache-control"] for headers in kinds)


def test_a_cdn_that_is_purged_keeps_content_for_long_and_a_refusal_for_a_minute() -> None:
    purged = replace(DEFAULT, cdn=86400)
    content = caching.positive(purged, NOW, None).headers["cache-control"]
    assert content.startswith("public, max-age=60, s-maxage=86400, stale-while-revalidate=")
    assert caching.negative(purged)["cache-control"] == "public, max-age=1, s-maxage=60"
    assert ", s-maxage=60, " in caching.positive(purged.brief(), NOW, None).headers["cache-control"]


@given(lifetimes=lifetimes_of_any_length, rest=st.floats(-1000, 100 * 86400))
def test_a_cdn_keeps_what_has_an_end_no_longer_than_a_browser(lifetimes: Lifetimes, rest: float) -> None:
    purged = replace(lifetimes, cdn=365 * 86400)
    assert caching.positive(purged, NOW, NOW + rest) == caching.positive(lifetimes, NOW, NOW + rest)
    assert "s-maxage" not in caching.negative_until(purged, NOW, NOW + rest)["cache-control"]


@given(lifetimes=lifetimes_of_any_length, rest=st.floats(-1000, 100 * 86400))
def test_what_has_an_end_is_never_served_stale(lifetimes: Lifetimes, rest: float) -> None:
    assert "stale" not in caching.positive(lifetimes, NOW, NOW + rest).headers["cache-control"]


@given(
    lifetimes=lifetimes_of_any_length,
    now=st.floats(NOW, NOW + 10),
    rest=st.floats(-1000, 1000) | st.floats(0, 100 * 86400),
)
def test_no_copy_anywhere_outlives_the_end_of_its_content(lifetimes: Lifetimes, now: float, rest: float) -> None:
    expires_at = now + rest
    headers = caching.positive(lifetimes, now, expires_at).headers
    if headers == caching.NEVER:
        return
    cached_until = ends(headers["x-accel-expires"], now)
    at_the_edge_until = ends(headers["x-edge-expires"], cached_until)
    in_the_browser_until = at_the_edge_until + browser_seconds(headers["cache-control"])
    assert now < cached_until
    assert max(cached_until, at_the_edge_until, in_the_browser_until) <= expires_at
    if "expires" in headers:
        assert parsedate_to_datetime(headers["expires"]).timestamp() <= expires_at


@given(lifetimes=lifetimes_of_any_length, now=st.floats(1.7e9, 1.9e9), rest=st.floats(0, 100 * 86400))
def test_no_copy_of_a_no_outlives_its_end_and_none_is_kept_longer_than_a_usual_one(
    lifetimes: Lifetimes, now: float, rest: float
) -> None:
    headers = caching.negative_until(lifetimes, now, now + rest)
    if headers == caching.NEVER:
        assert rest < 2
        return
    cached_until = ends(headers["x-accel-expires"], now)
    at_the_edge_until = ends(headers["x-edge-expires"], cached_until)
    assert max(cached_until, at_the_edge_until + browser_seconds(headers["cache-control"])) <= now + rest
    if "expires" not in headers:
        usual = caching.negative(lifetimes)
        assert cached_until <= now + int(usual["x-accel-expires"]) + 1
        assert headers["x-edge-expires"] == usual["x-edge-expires"]
        assert browser_seconds(headers["cache-control"]) <= 1
    assert "stale" not in headers["cache-control"]


@given(lifetimes=lifetimes_of_any_length, rest=st.floats(0, 100 * 86400) | st.none())
def test_no_tier_keeps_an_answer_longer_than_the_settings_say(lifetimes: Lifetimes, rest: float | None) -> None:
    freshness = caching.positive(lifetimes, NOW, None if rest is None else NOW + rest)
    if freshness.last_call:
        return
    assert ends(freshness.headers["x-accel-expires"], NOW) <= NOW + lifetimes.cache + 1
    assert ends(freshness.headers["x-edge-expires"], NOW) <= NOW + lifetimes.edge


@pytest.mark.parametrize(
    ("rest", "last_call", "cached"),
    [
        (3600.0, False, True),
        (131.0, False, True),
        (130.0, True, True),
        (60.0, True, True),
        (2.0, True, True),
        (1.0, True, True),
        (0.5, True, False),
        (0.0, True, False),
        (-1.0, True, False),
    ],
)
def test_the_last_call_begins_two_minutes_before_the_end_and_nothing_is_cached_at_the_end(
    rest: float, last_call: bool, cached: bool
) -> None:
    freshness = caching.positive(DEFAULT, NOW, NOW + rest)
    assert freshness.last_call is last_call
    assert (freshness.headers != caching.NEVER) is cached


def test_the_last_call_tells_the_same_end_to_every_tier_and_to_browsers() -> None:
    assert caching.positive(DEFAULT, NOW, NOW + 60).headers == {
        "cache-control": "public",
        "x-accel-expires": "@1800000059",
        "x-edge-expires": "@1800000059",
        "expires": "Fri, 15 Jan 2027 08:01:00 GMT",
    }


def test_a_no_is_kept_for_a_minute_by_the_tiers() -> None:
    headers = caching.negative(DEFAULT)
    assert (headers["x-accel-expires"], headers["x-edge-expires"]) == ("60", "60")
    assert browser_seconds(headers["cache-control"]) <= 1


@given(lifetimes_of_any_length)
def test_a_no_is_never_kept_longer_than_a_yes(lifetimes: Lifetimes) -> None:
    headers = caching.negative(lifetimes)
    assert int(headers["x-accel-expires"]) <= lifetimes.cache
    assert int(headers["x-edge-expires"]) <= lifetimes.edge


def test_a_catalog_page_is_kept_by_the_tiers_that_are_purged_and_hardly_by_browsers() -> None:
    headers = caching.listed(DEFAULT)
    assert (headers["x-accel-expires"], headers["x-edge-expires"]) == ("2592000", "60")
    assert browser_seconds(headers["cache-control"]) <= 1
    assert "stale-if-error=2592000" in headers["cache-control"]


def test_what_no_cache_may_keep_says_so_to_all() -> None:
    assert caching.NEVER == {"cache-control": "no-store", "x-accel-expires": "0"}


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(caching.negative(DEFAULT), id="negative"),
        pytest.param(caching.listed(DEFAULT), id="listed"),
        pytest.param(caching.positive(DEFAULT, NOW, None).headers, id="positive"),
        pytest.param(caching.NEVER, id="never"),
    ],
)
def test_nginx_reads_what_it_may_do_with_stale_content_before_how_long_it_may_keep_it(headers: dict[str, str]) -> None:
    assert next(iter(headers)) == "cache-control"
    assert "no-cache" not in headers["cache-control"]


def test_a_cache_says_which_change_it_knows_of_and_who_is_none_says_nothing() -> None:
    assert caching.generation({caching.GENERATION_HEADER: "1764066000000001"}) == 1764066000000001
    assert caching.generation({}) == 0


@given(said=st.text() | st.from_regex(r"[0-9]{0,40}") | st.from_regex(r"[+-]?[0-9_. ]+\n?"))
def test_whatever_is_said_the_generation_is_a_number_that_redis_can_have(said: str) -> None:
    found = caching.generation({caching.GENERATION_HEADER: said})
    assert 0 <= found < 10**16
    assert found == 0 or str(found) == said.lstrip("0")


@given(said=st.binary())
def test_whatever_bytes_a_request_carries_the_generation_is_a_number(said: bytes) -> None:
    headers = Headers(raw=[(caching.GENERATION_HEADER.encode(), said)])
    assert 0 <= caching.generation(headers) < 10**16


@pytest.mark.parametrize("said", ["", "-1", "+1", "1e9", "1 ", "1\n", "1_0", "²", "٣", "9" * 17, "0x10", "1,2"])
def test_what_is_no_number_is_no_generation(said: str) -> None:
    assert caching.generation({caching.GENERATION_HEADER: said}) == 0
