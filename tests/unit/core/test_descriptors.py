import resource
from collections.abc import Iterator

import pytest

from services.core import descriptors


@pytest.fixture
def limits() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_is_raised_as_far_as_it_may_be(limits: tuple[int, int]) -> None:
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    most = min(hard, descriptors.MOST) if hard != resource.RLIM_INFINITY else descriptors.MOST
    assert descriptors.raise_limit() == most
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, hard)
    assert descriptors.raise_limit() == most


def test_one_without_an_end_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: endless)
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: pytest.fail("it is enough"))
    assert descriptors.raise_limit() == resource.RLIM_INFINITY
