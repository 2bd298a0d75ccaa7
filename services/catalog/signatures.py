"""Which signed addresses of an asset a client asks for. Pure.

An address is signed in its canonical form, and of the name under which this form is answered. What a redirect leads to
would have no signature.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from services.core.addresses import saving
from services.core.addresses.arguments import ARGUMENTS, PRESET
from services.core.addresses.form import BASE, Form, arguments_of, effective, parse, signed
from services.core.addresses.presets import Allowed
from services.core.addresses.signing import with_signature, without_own
from services.core.assets import fingerprint, media_types, names
from services.core.assets.entries import Entry
from services.core.errors import BadRequest, NotFound
from services.core.near_names import nearest

ADDRESSES_MAX = 100
"""Of one request."""
CHARACTERS_MAX = 2000
"""Of one address."""
SECONDS_MAX = 10 * 365 * 86400
"""What a signature may hold at most, if it has an end."""
FIELDS = ("addresses", "expires_in")
EXAMPLE = '{"addresses": ["full", "optimise/800x0?format=avif"], "expires_in": 3600}'
FORM = r"(?:original|full|optimise/[^/?]+)"
"""The regular expression of an address without what comes before and after: the kind, and the size."""

_UNSIGNED = (fingerprint.ARGUMENT, saving.ARGUMENT)
"""Arguments that no answer depends on. They stay in the address."""
_ARGUMENTS = (*(argument.name for argument in ARGUMENTS), PRESET, *_UNSIGNED)
_FORM = re.compile(FORM)
_VERSION = re.compile(fingerprint.SPELLING)
_SHOWN = 200
_WRITTEN = "%+!'()*~"
"""What stays in the value of an argument beside letters, digits and `_.-`: it is encoded already."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client sends: addresses as they are written, and the seconds that they hold, None for no end."""

    addresses: list[str]
    expires_in: int | None


@dataclass(frozen=True, slots=True)
class Rules:
    """What addresses begin with here, and which forms are served."""

    base: str
    allowed: Allowed
    side_max: int


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An address that can be signed: `form` is what is signed, `rest` the arguments that are not."""

    form: str
    rest: str

    def sign(self, base: str, key: str, expires: str) -> str:
        """Return the public address with its end and its signature."""
        path, _, query = self.form.partition("?")
        query = "&".join(part for part in (query, self.rest) if part)
        address = f"{base}{path.removeprefix(BASE)}{'?' if query else ''}{query}"
        return with_signature(address, key, self.form, expires)


def read(given: Mapping[str, Any]) -> Asked:
    """Read what a client sends; raises BadRequest."""
    if unknown := next((name for name in given if name not in FIELDS), None):
        raise BadRequest(f"A request for signatures has no field {unknown[:_SHOWN]!r}.", f"Send {EXAMPLE}.")
    addresses, expires_in = given.get("addresses"), given.get("expires_in")
    if not isinstance(addresses, list) or not addresses or not all(isinstance(one, str) for one in addresses):
        raise BadRequest("addresses is not a list of texts.", f"Send {EXAMPLE}.")
    if len(addresses) > ADDRESSES_MAX:
        raise BadRequest(
            f"addresses has {len(addresses)} items, and may have {ADDRESSES_MAX}.", "Send several requests."
        )
    if any(len(one) > CHARACTERS_MAX for one in addresses):
        raise BadRequest(f"One of the addresses has more than {CHARACTERS_MAX} characters.", "Send shorter ones.")
    return Asked(addresses, None if expires_in is None else _seconds(expires_in))


def _seconds(value: Any) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # To JSON, 3600.0 is an integer.
    if not is_number or not 1 <= value <= SECONDS_MAX or value != int(value):
        raise BadRequest(
            f"expires_in is not a whole number from 1 to {SECONDS_MAX}.",
            "Send the seconds for which the addresses are good, or leave it out for no end.",
        )
    return int(value)


def other_names(entry: Entry) -> list[str]:
    """Return by which names an asset is asked for beside its own, as long as no other asset has them."""
    found = [entry.original_name]
    if entry.mimetype == media_types.GIF:
        found.append(names.with_extension(entry.unique_name, "webp"))
    return [name for name in found if name != entry.unique_name]


def unsigned(text: str, entry: Entry, others: Collection[str], rules: Rules) -> Unsigned:
    """Read an address of an asset; raises BadRequest. `others` are those of its other names that no asset has."""
    place, _, query = text.partition("?")
    query = without_own(query)
    given = arguments_of(query)
    _check_arguments(given)
    try:
        form = parse(BASE + _path(place, entry, rules.base), query, rules.side_max, rules.allowed.presets)
    except NotFound:
        raise _no_address(text, rules.base) from None
    if form.name != entry.unique_name and form.name not in others:
        raise BadRequest(
            f"{text[:_SHOWN]!r} is the address of another asset.",
            f"Sign addresses of {entry.unique_name} here, or send the uuid of the other asset.",
        )
    form = effective(replace(form, name=_answered(form, entry, others)))
    rules.allowed.check(form)
    rest = (f"{name}={_written(given[name])}" for name in _UNSIGNED if given.get(name))
    return Unsigned(signed(form), "&".join(rest))


def _path(place: str, entry: Entry, base: str) -> str:
    """Return the path of an address below the assets."""
    if _FORM.fullmatch(place):
        return f"/{place}{entry.unique_name}"
    for before in (base, urlsplit(base).path):
        if place.startswith(f"{before}/"):
            # A letter that a name can have may be written as its code: %40 is @.
            return unquote(place.removeprefix(before))
    raise _no_address(place, base)


def _no_address(text: str, base: str) -> BadRequest:
    return BadRequest(
        f"{text[:_SHOWN]!r} is not the public address of an asset.",
        f"Send one that begins with {base}/, or its form alone, such as full or optimise/800x0?format=avif.",
    )


def _answered(form: Form, entry: Entry, others: Collection[str]) -> str:
    """Return the name under which a form is answered, and not redirected."""
    if form.kind == "original":
        return entry.original_name if entry.original_name in others else entry.unique_name
    # A GIF is delivered as WebP if it is asked for by such a name.
    as_webp = entry.mimetype == media_types.GIF and form.name.endswith(".webp")
    return form.name if as_webp else entry.unique_name


def _check_arguments(given: Mapping[str, str]) -> None:
    if unknown := next((name for name in given if name not in _ARGUMENTS), None):
        meant = nearest(unknown, _ARGUMENTS)
        hint = f"Did you mean {meant!r}? " if meant else ""
        raise BadRequest(
            f"An address has no argument {unknown[:_SHOWN]!r}.", f"{hint}It takes: {', '.join(_ARGUMENTS)}."
        )
    saving.check({name: _written(value) for name, value in given.items()})
    version = given.get(fingerprint.ARGUMENT, "")
    if version and not _VERSION.fullmatch(version):
        raise BadRequest(f"v={version[:_SHOWN]} is not a version.", "Send the one in versioned_url of the entry.")


def _written(value: str) -> str:
    """Return the value of an argument as it stands in an address."""
    return quote(value, safe=_WRITTEN)
