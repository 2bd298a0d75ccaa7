"""How quotas are written."""

import pytest

from services.core.assets import quotas
from services.core.assets.quotas import Quota


def test_bytes_assets_or_both_are_said_of_each_namespace() -> None:
    read = quotas.read("DEV=10gb:100000, SHOP = 500mb ,OLD=:2000,SHUT=0:0,")
    assert read == {
        "DEV": Quota(10 * 1024**3, 100_000),
        "SHOP": Quota(500 * 1024**2),
        "OLD": Quota(assets=2000),
        "SHUT": Quota(0, 0),
    }
    assert quotas.read("") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("DEV", "expected quotas such as"),
        ("DEV=", "expected quotas such as"),
        ("DEV=:", "expected quotas such as"),
        ("=10gb", "expected quotas such as"),
        ("DEV=10gb:many", "expected quotas such as"),
        ("DEV=10gb:-1", "expected quotas such as"),
        ("DEV=10gb:1:2", "expected quotas such as"),
        ("DEV=:٣", "expected quotas such as"),
        (f"DEV=:{'9' * 13}", "expected quotas such as"),
        ("DEV=lots", "expected a size such as"),
        ("DEV=1gb,DEV=2gb", "'DEV' is there twice"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        quotas.read(text)
