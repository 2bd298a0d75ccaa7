"""Quotas: how many bytes and assets each namespace may have. Pure.

The bytes are those of the stored files of entries, of earlier versions and of the trash. Only entries count as assets.
A namespace that has more than its quota, because the quota was lowered or a dump was restored, keeps what it has:
nothing but growing is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from services.core.assets import sizes
from services.core.errors import QuotaExceeded

_ASSETS_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Quota:
    """What a namespace may have; None for any number."""

    bytes: int | None = None
    assets: int | None = None


NO_QUOTA = Quota()
Quotas = Mapping[str, Quota]
"""The quotas of namespaces; others have none."""
NO_QUOTAS: Quotas = MappingProxyType({})


def read(text: str) -> dict[str, Quota]:
    """Read `DEV=10gb:100000,SHOP=500mb,OLD=:2000`: bytes, and after a colon assets; raises ValueError."""
    quotas: dict[str, Quota] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        namespace, _, said = (part.strip() for part in item.partition("="))
        if namespace in quotas:
            raise ValueError(f"{namespace!r} is there twice")
        size, _, count = (part.strip() for part in said.partition(":"))
        is_count = not count or (count.isascii() and count.isdigit() and len(count) <= _ASSETS_DIGITS)
        if not namespace or not is_count or not (size or count):
            raise ValueError(f"{item!r}: expected quotas such as DEV=10gb:100000, SHOP=500mb or OLD=:2000")
        quotas[namespace] = Quota(sizes.read(size) if size else None, int(count) if count else None)
    return quotas


def check(namespace: str, quota: Quota, used: Quota, needed: Quota) -> None:
    """Raise QuotaExceeded if a namespace has no room for what is needed besides what is used."""
    for what in ("bytes", "assets"):
        allowed, has, more = (getattr(one, what) or 0 for one in (quota, used, needed))
        if getattr(quota, what) is not None and more > 0 and has + more > allowed:
            raise QuotaExceeded(namespace, what, has, allowed, more)
