"""Which addresses of the network a client may have TADA reach: public ones, and what the operator allows. Pure.

The table has what IANA keeps in its registries of special addresses, and the addresses at which clouds answer with
credentials of the machine. Of IPv6, only what is given out to networks (2000::/3) is public.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from services.core.clients import Address, Networks
from services.core.outward.hosts import read_name

METADATA = "of a cloud's metadata"
LINK_LOCAL = "link-local"
LOOPBACK = "of the machine itself"
PRIVATE = "private"
SHARED = "shared behind a provider's translation"
_DOCUMENTATION = "for documentation"
_MULTICAST = "for multicast"
_RESERVED = "reserved"
_TRANSLATED = "an IPv4 address inside an IPv6 address"

_BY_NAME = (LOOPBACK, PRIVATE, SHARED)
"""What a name that is allowed may lead to. Everything else is reached only if its network is allowed."""

_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        METADATA,
        # AWS and others, its containers, Azure, Alibaba, Oracle; AWS over IPv6, and Google's.
        (
            *("169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
            *("fd00:ec2::/32", "fd20:ce::254"),
        ),
    ),
    (LOOPBACK, ("0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128")),
    (LINK_LOCAL, ("169.254.0.0/16", "fe80::/10")),
    (PRIVATE, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10")),
    (SHARED, ("100.64.0.0/10",)),
    (_DOCUMENTATION, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")),
    (_MULTICAST, ("224.0.0.0/4", "ff00::/8")),
    (_TRANSLATED, ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b:1::/48", "2002::/16")),
    # Among them: benchmarks, relays of 6to4, AS112, AMT and TURN, Teredo, ORCHID, and the broadcast address.
    (_RESERVED, ("192.0.0.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24")),
    (_RESERVED, ("198.18.0.0/15", "240.0.0.0/4", "2001::/23", "2620:4f:8000::/48")),
)
_TABLE = tuple((kind, ip_network(network)) for kind, networks in _KINDS for network in networks)
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be reached although it is not public: networks, and hosts by their names."""

    networks: Networks = ()
    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Allowed":
        """Read networks such as 10.1.2.0/24, single addresses, and names such as cms.internal; raises ValueError."""
        networks: list[IPv4Network | IPv6Network] = []
        names = set()
        for text in texts:
            try:
                networks.append(ip_network(text))
            except ValueError:
                name = read_name(text.lower())
                if name is None:
                    expected = "networks such as 10.1.2.0/24, addresses, and names such as cms.internal"
                    raise ValueError(f"{text!r}: expected {expected}") from None
                names.add(name)
        return cls(tuple(networks), frozenset(names))

    def has(self, address: Address, host: str, kind: str) -> bool:
        """Say whether an address of a kind, to which `host` leads, may be reached although it is not public."""
        return any(address in network for network in self.networks) or (host in self.names and kind in _BY_NAME)


def kind_of(address: Address) -> str | None:
    """Return what kind of address it is, as it completes "the address is …"; None for a public one.

    An address of NAT64 (RFC 6052) is what the IPv4 address in it is: networks with IPv6 alone reach all others so.
    """
    if isinstance(address, IPv6Address) and address in _NAT64:
        return kind_of(IPv4Address(int(address) & 0xFFFFFFFF))
    for kind, network in _TABLE:
        if address in network:
            return kind
    return None if isinstance(address, IPv4Address) or address in _PUBLIC_IPV6 else _RESERVED
