import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.clients import UNKNOWN, client, networks, stands_for_many

LB = networks(["198.51.100.0/24", "10.9.0.1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # Nobody in between.
        ("203.0.113.5", "", "203.0.113.5"),
        ("192.168.1.5", "", "192.168.1.5"),
        (None, "", UNKNOWN),
        ("", "", UNKNOWN),
        # The gateway, by whatever way it comes.
        ("127.0.0.1", "203.0.113.5", "203.0.113.5"),
        ("::1", "203.0.113.5", "203.0.113.5"),
        ("::ffff:172.18.0.3", "203.0.113.5", "203.0.113.5"),
        ("10.1.2.3", "203.0.113.5", "203.0.113.5"),
        ("fd00::7", "203.0.113.5", "203.0.113.5"),
        (None, "203.0.113.5", "203.0.113.5"),
        # A client that comes by itself says nothing about itself.
        ("203.0.113.5", "1.2.3.4", "203.0.113.5"),
        # What the client says in front of what the gateway has seen counts for nothing, also in a private network.
        ("127.0.0.1", "1.2.3.4, 203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "1.2.3.4, 10.0.0.5", "10.0.0.5"),
        ("127.0.0.1", "1.2.3.4, 127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "1.2.3.4,198.51.100.9, 10.0.0.5", "10.0.0.5"),
        # Across proxies that are named.
        ("127.0.0.1", "203.0.113.5, 198.51.100.9", "203.0.113.5"),
        ("127.0.0.1", "1.2.3.4, 203.0.113.5, 198.51.100.9, 10.9.0.1", "203.0.113.5"),
        ("198.51.100.9", "1.2.3.4, 203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "198.51.100.8, 198.51.100.9", "198.51.100.8"),
        # What is no address ends it.
        ("127.0.0.1", "1.2.3.4, nonsense", "127.0.0.1"),
        ("127.0.0.1", "unknown, 198.51.100.9", "198.51.100.9"),
        ("127.0.0.1", "1.2.3.4, unix:", "127.0.0.1"),
        ("127.0.0.1", "1.2.3.4,", "127.0.0.1"),
        (None, "nonsense", UNKNOWN),
        # Spellings.
        ("127.0.0.1", " 203.0.113.5:4711 ", "203.0.113.5"),
        ("127.0.0.1", "::ffff:203.0.113.5", "203.0.113.5"),
        ("127.0.0.1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("127.0.0.1", "2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("127.0.0.1", "[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("127.0.0.1", "fe80::1%eth0", "fe80::/64"),
        ("::1", "", "::/64"),
    ],
)
def test_a_client_is_who_the_gateway_has_seen(peer: str | None, forwarded: str, expected: str) -> None:
    assert client(peer, forwarded, LB) == expected


@given(forged=st.text(), true=st.ip_addresses().map(str), peer=st.sampled_from([None, "127.0.0.1", "10.0.0.2"]))
def test_nothing_that_a_client_says_changes_who_it_is(forged: str, true: str, peer: str | None) -> None:
    assert client(peer, f"{forged}, {true}", ()) == client(peer, true, ())


@given(forwarded=st.text(), peer=st.ip_addresses(v=4).filter(lambda address: address.is_global).map(str))
def test_a_stranger_is_itself_whatever_it_says(forwarded: str, peer: str) -> None:
    assert client(peer, forwarded, ()) == peer


@pytest.mark.parametrize("name", ["nonsense", "10.0.0.0/33", "10.0.0.1/8", "lb.example.com", "1.2.3"])
def test_what_is_no_network_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="expected addresses or networks"):
        networks(["10.0.0.0/8", name])


@pytest.mark.parametrize(
    ("name", "many"),
    [
        ("10.1.2.3", True),
        ("127.0.0.1", True),
        ("fd00:1::/64", True),
        ("100.64.7.7", True),
        (UNKNOWN, True),
        ("203.0.113.7", False),
        ("2001:db8:1::/64", False),
    ],
)
def test_many_can_be_behind_an_address_that_is_not_public(name: str, many: bool) -> None:
    assert stands_for_many(name) == many
