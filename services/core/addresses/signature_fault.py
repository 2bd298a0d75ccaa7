"""What is wrong with the signature of an address, for whoever makes such addresses. Pure."""

import hashlib
import hmac
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum

from services.core.addresses.form import BASE
from services.core.addresses.signing import is_signed, is_valid, without_own


class Fault(Enum):
    UNSIGNED = "unsigned"
    EXPIRED = "expired"
    NOT_CANONICAL = "not canonical"
    """A key of ours has signed another spelling, or another text, than what is signed."""
    WRONG_KEY = "wrong key"


@dataclass(frozen=True, slots=True)
class Asked:
    """A signed address as it is written. `form` is its canonical form, and empty if it is not of an asset.

    `path_and_query` are what the client sent, and `route` is what the path has in place of BASE.
    """

    form: str
    signature: str
    expires: str
    path_and_query: str
    route: str = BASE


def fault(keys: Collection[str], asked: Asked, now: float) -> Fault | None:
    """Return what is wrong with a signature, or None if it is good."""
    if not asked.signature:
        return Fault.UNSIGNED
    if is_valid(keys, asked.form, asked.signature, asked.expires, now):
        return None
    if is_signed(keys, asked.form, asked.signature, asked.expires):
        return Fault.EXPIRED
    given = asked.signature.lower().encode()
    texts = set(_near(asked))
    for key in keys:
        for text in texts:
            if hmac.compare_digest(hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().encode(), given):
                return Fault.NOT_CANONICAL
    return Fault.WRONG_KEY


def _near(asked: Asked) -> Iterator[str]:
    """Yield the texts that are signed by mistake: other spellings of the form, each with and without its end."""
    path, _, query = asked.path_and_query.partition("?")
    without = without_own(query)
    with_end = "&".join(part for part in query.split("&") if part and part.partition("=")[0].lower() != "signature")
    for place in {path, path.replace(asked.route, BASE, 1)}:
        for spelling in {asked.form, place, f"{place}?{without}" if without else place, f"{place}?{with_end}"}:
            yield spelling
            yield f"{spelling}\n"
            yield f"{spelling}\n{asked.expires}"
            yield f"{spelling}{asked.expires}"
