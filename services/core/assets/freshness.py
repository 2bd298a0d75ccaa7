"""How long the cache tiers and browsers may keep an answer, said in headers. Pure functions.

The services decide this, not nginx: `X-Accel-Expires` is for the cache tier, `X-Edge-Expires` becomes the edge's
`X-Accel-Expires`, `Cache-Control` is for browsers and carries what nginx may do with stale content
(`stale-while-revalidate`, `stale-if-error`, RFC 5861). nginx reads headers one by one: `Cache-Control` comes first, as
it is not read after `X-Accel-Expires`; and what may be cached never says `no-cache`, which would win over both.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

GENERATION_HEADER = "x-generation"
"""Set by the cache tier on its requests: the last change that it knows of the requested address. It stores the answer
under that number, so the answer must not be older than that change."""
_NUMBER = re.compile(r"[0-9]{1,16}")

BRIEF_SECONDS = 60
STALE_WHILE_REVALIDATE = 60
STALE_IF_ERROR = 30 * 86400
_MARGIN = 10

NEVER = {"cache-control": "no-store", "x-accel-expires": "0"}
"""For answers that no cache may keep."""
ASK_FIRST = {"cache-control": "no-cache", "x-accel-expires": "0"}
"""For answers that no tier keeps, and that a client may keep if it asks each time whether they still hold."""


def generation(headers: Mapping[str, str]) -> int:
    """Return the generation that a request names; 0 if it names none, such as a request that does not come from a
    cache."""
    given = headers.get(GENERATION_HEADER, "")
    return int(given) if _NUMBER.fullmatch(given) else 0


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Upper bounds in seconds, from the settings. `cdn` is of a CDN that is purged; 0 for one that is not, which then
    keeps an answer for as long as a browser."""

    cache: int
    edge: int
    browser: int
    cdn: int = 0

    def brief(self) -> "Lifetimes":
        """Return the bounds for answers without content, which are made again at no cost."""
        return Lifetimes(*(min(BRIEF_SECONDS, bound) for bound in (self.cache, self.edge, self.browser, self.cdn)))

    @property
    def shared(self) -> str:
        """What Cache-Control says to a CDN that is purged, beside what it says to browsers."""
        return f", s-maxage={self.cdn}" if self.cdn else ""


@dataclass(frozen=True, slots=True)
class Freshness:
    """The caching headers of one answer; `last_call` is set in the short time before its content expires."""

    headers: dict[str, str]
    last_call: bool


def negative(lifetimes: Lifetimes) -> dict[str, str]:
    """Return the headers of a refusal: the tiers keep it for a short time, browsers hardly at all."""
    brief = lifetimes.brief()
    return {
        "cache-control": f"public, max-age=1{brief.shared}",
        "x-accel-expires": str(brief.cache),
        "x-edge-expires": str(brief.edge),
    }


def negative_until(lifetimes: Lifetimes, now: float, end: float) -> dict[str, str]:
    """Return the headers of a refusal that is no longer right at `end` (seconds since the epoch)."""
    brief = lifetimes.brief()
    return positive(Lifetimes(brief.cache, brief.edge, min(1, brief.browser)), now, end).headers


def listed(lifetimes: Lifetimes) -> dict[str, str]:
    """Return the headers of catalog pages: the tiers keep them, as they are purged; browsers hardly keep them at
    all."""
    return {
        "cache-control": f"public, max-age=1, stale-if-error={STALE_IF_ERROR}",
        "x-accel-expires": str(lifetimes.cache),
        "x-edge-expires": str(lifetimes.edge),
    }


def positive(lifetimes: Lifetimes, now: float, expires_at: float | None) -> Freshness:
    """Return the headers of an answer whose content is good until `expires_at` (seconds since the epoch).

    A stored header is the same for as long as it is stored, so "the edge may keep it for a minute" cannot be said in
    the last minute before the end. The cache tier's copy therefore ends early enough for every copy made from it to
    end in time; from then on ("last call") answers carry the absolute end for everyone. Content that has an end is
    never served stale. A CDN gets it for as long as a browser, also one that is purged: nothing changes at the end.
    """
    if expires_at is None:
        return Freshness(
            {
                "cache-control": f"public, max-age={lifetimes.browser}{lifetimes.shared}, "
                f"stale-while-revalidate={STALE_WHILE_REVALIDATE}, stale-if-error={STALE_IF_ERROR}",
                "x-accel-expires": str(lifetimes.cache),
                "x-edge-expires": str(lifetimes.edge),
            },
            last_call=False,
        )
    last_call_from = expires_at - lifetimes.edge - lifetimes.browser - _MARGIN
    if now < last_call_from:
        return Freshness(
            {
                "x-accel-expires": f"@{int(min(last_call_from, now + lifetimes.cache))}",
                "x-edge-expires": str(lifetimes.edge),
                "cache-control": f"public, max-age={lifetimes.browser}",
            },
            last_call=False,
        )
    # nginx serves a copy while its second has not passed: the second before the end is the last good one.
    last_second = int(expires_at) - 1
    if last_second < now:
        return Freshness(NEVER, last_call=True)
    return Freshness(
        {
            "x-accel-expires": f"@{last_second}",
            "x-edge-expires": f"@{last_second}",
            "cache-control": "public",
            "expires": formatdate(int(expires_at), usegmt=True),
        },
        last_call=True,
    )
