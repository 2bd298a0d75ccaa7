"""Hosts as an address of the outside may spell them: one spelling for each. Pure.

`getaddrinfo` reads 0x7f.1, 2130706433, 0177.0.0.1 and 127.1 as 127.0.0.1, and other readers do not. Nobody needs these
spellings, so they are not read at all.
"""

import re
from ipaddress import IPv4Address, IPv6Address

from services.core.clients import Address

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_NAME_MAX = 253


def read_name(text: str) -> str | None:
    """Return a name of the name service in small letters; None for anything else, such as a number in any spelling."""
    if len(text) > _NAME_MAX or not _NAME.fullmatch(text) or _NUMBER.fullmatch(text.rpartition(".")[2]):
        return None
    return text


def read_address(text: str) -> Address | None:
    """Return the address that a host is in its usual spelling: four numbers, or IPv6 in brackets without a zone."""
    try:
        if text.startswith("[") and text.endswith("]") and "%" not in text:
            return IPv6Address(text[1:-1])
        return IPv4Address(text)
    except ValueError:
        return None
