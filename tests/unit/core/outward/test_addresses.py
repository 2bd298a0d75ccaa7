"""Which addresses of the network may be reached: the table of those that may not, and what an operator allows."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.outward.addresses import LINK_LOCAL, LOOPBACK, METADATA, PRIVATE, SHARED, Allowed, kind_of

REFUSED = {
    LOOPBACK: ["0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.254", "::", "::1", "64:ff9b::7f00:1"],
    PRIVATE: ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1", "fec0::1"],
    LINK_LOCAL: ["169.254.0.1", "169.254.255.255", "fe80::1", "fe80::1%eth0", "febf::1"],
    SHARED: ["100.64.0.1", "100.127.255.255"],
    METADATA: [
        *("169.254.169.254", "169.254.170.2", "169.254.170.23", "168.63.129.16", "100.100.100.200", "192.0.0.192"),
        *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "64:ff9b::a9fe:a9fe"),
    ],
    "for documentation": ["192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "3fff::1"],
    "for multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "an IPv4 address inside an IPv6 address": [
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:7f00:1", "::127.0.0.1", "::8.8.8.8"),
        *("64:ff9b:1::a00:1", "64:ff9b:1::808:808", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:808:808::1"),
    ],
    "reserved": [
        *("192.0.0.1", "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1", "198.18.0.1", "198.19.255.255"),
        *("240.0.0.1", "255.255.255.255", "2001::7f00:1", "2001:0:a00:1::", "2001:2::1", "2001:10::1", "2001:20::1"),
        *("100::1", "2620:4f:8000::1", "4000::1", "5f00::1", "8000::1", "1::1"),
    ],
}
PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
    *("128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "198.17.255.255"),
    *("198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888"),
    *("2600::", "64:ff9b::808:808"),
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in REFUSED.items() for text in texts])
def test_an_address_that_is_not_public_is_of_a_kind(kind: str, text: str) -> None:
    assert kind_of(ip_address(text)) == kind


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_of_no_kind(text: str) -> None:
    assert kind_of(ip_address(text)) is None


@given(st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)))
def test_what_python_knows_to_be_special_is_refused(address: IPv4Address | IPv6Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_link_local:
        assert kind_of(address) is not None


def test_networks_and_names_can_be_allowed() -> None:
    allowed = Allowed.parse(["10.1.2.0/24", "fd00:1::/64", "127.0.0.1", "CMS.internal"])
    assert allowed.names == {"cms.internal"}
    assert allowed.has(ip_address("10.1.2.7"), "any.example", PRIVATE)
    assert allowed.has(ip_address("127.0.0.1"), "127.0.0.1", LOOPBACK)
    assert not allowed.has(ip_address("10.1.3.7"), "any.example", PRIVATE)
    assert allowed.has(ip_address("10.1.3.7"), "cms.internal", PRIVATE)


@pytest.mark.parametrize("text", REFUSED[METADATA] + REFUSED[LINK_LOCAL])
def test_a_name_that_is_allowed_does_not_lead_to_metadata(text: str) -> None:
    address = ip_address(text)
    kind = kind_of(address)
    assert kind is not None
    assert not Allowed.parse(["cms.internal"]).has(address, "cms.internal", kind)
    assert Allowed.parse([text.partition("%")[0]]).has(address, "cms.internal", kind)


@pytest.mark.parametrize("text", ["10.1.2.3/24", "10.1.2", "0x7f.1", "*.internal", "http://cms", "cms:80", "a b", "-"])
def test_what_is_neither_a_network_nor_a_name_is_not_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="expected networks such as"):
        Allowed.parse([text])
