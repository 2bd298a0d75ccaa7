"""The client of a request: the address under which the request is counted. No client can choose it.

X-Forwarded-For is a list to which every proxy appends the address that it was asked from, so only its right end is
known to be true: the last address was written by the nginx that asks this service. It is believed when nginx' own
address is a neighbour (a unix socket, loopback, a private network). Everything left of it comes from others. It is
believed only across proxies named in TRUSTED_PROXIES. Private networks are not among them unless they are named: the
clients of the internal entry are in private networks themselves, and could then choose their address.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]

NEIGHBOURHOOD: Networks = tuple(
    ip_network(network)
    for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10")
)
_SHARED = ip_network("100.64.0.0/10")
"""RFC 6598: behind providers' and clouds' address translation."""
UNKNOWN = "unknown"
"""All clients whose address is not known share one bucket."""


def networks(names: Iterable[str]) -> Networks:
    """Read networks such as 192.0.2.0/24 and single addresses; raises ValueError."""
    found = []
    for name in names:
        try:
            found.append(ip_network(name))
        except ValueError:
            raise ValueError(f"{name!r}: expected addresses or networks such as 192.0.2.0/24") from None
    return tuple(found)


@lru_cache(maxsize=1024)
def client(peer: str | None, forwarded: str, trusted: Networks) -> str:
    """Return the name under which a client is counted: its address, or the /64 network of an IPv6 address.

    `peer` is who opened the connection, None for a unix socket; `forwarded` is X-Forwarded-For.
    """
    found = _address(peer) if peer else None
    if not peer or (found is not None and _within(found, (*NEIGHBOURHOOD, *trusted))):
        while forwarded:
            forwarded, _, last = forwarded.rpartition(",")
            said = _address(last)
            if said is None:
                break
            found = said
            if not _within(found, trusted):
                break
    return UNKNOWN if found is None else _bucket(found)


@lru_cache(maxsize=1024)
def stands_for_many(name: str) -> bool:
    """Say whether many may be behind a name of `client`: a neighbour can be a proxy that is not named.

    What one of them does must not be counted against the others.
    """
    return name == UNKNOWN or _within(ip_network(name).network_address, (*NEIGHBOURHOOD, _SHARED))


def _address(text: str) -> Address | None:
    """Read an address, with or without a port; None if it is not one."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _within(address: Address, networks: Networks) -> bool:
    return any(address in network for network in networks)


def _bucket(address: Address) -> str:
    """One customer has a whole /64 of IPv6, and could use another address for every request."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), 64), strict=False))
