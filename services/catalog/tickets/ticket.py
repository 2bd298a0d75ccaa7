"""A ticket, and the text that stands for it: only who has the key can make it. Pure.

    t1.CLAIMS.SEAL

CLAIMS is the ticket as JSON, and SEAL the HMAC-SHA256 of everything before it, both in base64url without padding. The
text has no name of an algorithm, so nobody can choose another one. Whoever has a ticket can read it, so it has no name
of a token: its maker is told by a keyed digest of the token.
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from services.catalog.uploads.conflicts import OnConflict
from services.core.errors import TicketInvalid

TEXT_MAX = 4096
"""Characters of the longest ticket: it has to fit into an address."""
_VERSION = "t1"
_MAKER_BYTES = 12
_LISTS = ("media_types", "may_set")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What may be uploaded.

    With a `uuid` it is the next file of that asset, which was uploaded at `uploaded_date`: an asset that comes later to
    its path has the same uuid. Without one it is a new asset of the namespace: in the folder `destination`, or in one
    below it if the page may set that, and under `filename`, or any name if there is none. `max_size` is in bytes.
    Without `media_types` all that the service takes are allowed. `fields` are values that the asset gets, and those in
    `may_set` can be changed by the page.
    """

    namespace: str
    destination: str | None = None
    filename: str | None = None
    uuid: str | None = None
    uploaded_date: str | None = None
    max_size: int
    media_types: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    may_set: tuple[str, ...] = ()
    on_conflict: OnConflict = OnConflict.REFUSE
    uses: int = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """Terms that hold until `ends` (seconds since 1970). `maker` tells the token that made it: see `maker_of`."""

    id: str
    maker: str
    ends: int
    terms: Terms


def maker_of(digest: bytes, key: str) -> str:
    """Return what tells the owner of a token in a ticket. Without the key, nobody can try tokens by it."""
    return _text(_hmac(key, b"maker " + digest)[:_MAKER_BYTES])


def sealed(ticket: Ticket, key: str) -> str:
    """Return the text of a ticket."""
    terms = {name: value for name, value in asdict(ticket.terms).items() if value not in (None, (), {})}
    claims = {"id": ticket.id, "maker": ticket.maker, "ends": ticket.ends, "terms": terms}
    head = f"{_VERSION}.{_text(orjson.dumps(claims))}"
    return f"{head}.{_seal(head, key)}"


def opened(text: str, keys: Sequence[str]) -> tuple[Ticket, str]:
    """Return the ticket of a text, and the key that has sealed it; raises TicketInvalid unless one of `keys` has."""
    if len(text) > TEXT_MAX or not text.isascii():
        raise TicketInvalid
    head, _, seal = text.rpartition(".")
    for key in keys:
        if hmac.compare_digest(_seal(head, key).encode(), seal.encode()):
            return _ticket(head), key
    raise TicketInvalid


def _ticket(head: str) -> Ticket:
    """Read what a holder of the key has written. It may be a later version, with terms that are unknown here."""
    version, _, claims = head.partition(".")
    try:
        if version != _VERSION:
            raise ValueError(version)
        given = orjson.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        terms: dict[str, Any] = given.pop("terms")
        terms |= {name: tuple(terms[name]) for name in _LISTS if name in terms}
        terms["on_conflict"] = OnConflict(terms["on_conflict"])
        return Ticket(**given, terms=Terms(**terms))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise TicketInvalid from None


def _seal(head: str, key: str) -> str:
    return _text(_hmac(key, b"ticket " + head.encode()))


def _hmac(key: str, message: bytes) -> bytes:
    return hmac.digest(key.encode(), message, hashlib.sha256)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
