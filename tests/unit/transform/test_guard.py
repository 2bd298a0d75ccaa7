import pytest

from services.core.errors import Undecodable
from services.transform.guard import Header, Limits, check


@pytest.mark.parametrize("header", [Header(100, 100, 1), Header(10, 10, 100), Header(10_000, 1, 1)])
def test_a_source_within_the_limits_passes(header: Header) -> None:
    check(header, Limits(pixels=10_000))


@pytest.mark.parametrize("header", [Header(101, 100, 1), Header(10, 10, 101), Header(30_000, 30_000, 1)])
def test_a_source_beyond_the_limits_is_refused_with_what_it_claims_and_what_is_allowed(header: Header) -> None:
    with pytest.raises(Undecodable) as refusal:
        check(header, Limits(pixels=10_000))
    assert f"{header.width}x{header.height} pixels in {header.frames} frame" in refusal.value.message
    assert "10000 pixels" in (refusal.value.hint or "")
