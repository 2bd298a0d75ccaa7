"""Addresses that clients give for requests to the outside: what is read, and in how few spellings."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.errors import OutwardRefused
from services.core.outward.addresses import Allowed
from services.core.outward.urls import Url, read, redirected

NOTHING = Allowed()

READ = [
    ("https://cms.example.com/cat.jpg", Url("https", "cms.example.com", 443, "/cat.jpg")),
    ("HTTP://CMS.Example.COM:80", Url("http", "cms.example.com", 80, "/")),
    ("https://example.com:8443/a%20b?x=1&y=é#top", Url("https", "example.com", 8443, "/a%20b?x=1&y=%C3%A9")),
    ("https://example.com?x=1", Url("https", "example.com", 443, "/?x=1")),
    ("https://xn--mller-kva.de/Käse.jpg", Url("https", "xn--mller-kva.de", 443, "/K%C3%A4se.jpg")),
    ("http://8.8.8.8:8080/", Url("http", "8.8.8.8", 8080, "/")),
    ("http://[2606:4700:0::1111]/", Url("http", "2606:4700::1111", 80, "/")),
    ("http://a_b.example.com/'\"<>", Url("http", "a_b.example.com", 80, "/'%22%3C%3E")),
    ("https://example.com/@user:x", Url("https", "example.com", 443, "/@user:x")),
]

TRICKS = [
    # Addresses of the machine and the network, as they are.
    *("http://127.0.0.1/", "http://10.0.0.1/", "http://169.254.169.254/latest/meta-data/", "http://0.0.0.0/"),
    *("http://[::1]/", "http://[::]/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://[::ffff:127.0.0.1]/"),
    *("http://[::ffff:7f00:1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[::127.0.0.1]/"),
    *("http://255.255.255.255/", "http://224.0.0.1/", "http://100.100.100.200/", "http://168.63.129.16/"),
    # Addresses in other notations.
    *("http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://127.1/", "http://127.0.1/"),
    *("http://0177.0.0.1/", "http://0177.0.0.01/", "http://127.0.0.01/", "http://017700000001/", "http://0/"),
    *("http://127.0.0.0x1/", "http://127.0.0.1.5/", "http://256.256.256.256/", "http://1.2.3/", "http://0x/"),
    *("http://8.8.8.8./", "http://127.0.0.1./", "http://localhost./", "http://example.com./", "http://example..com/"),
    # Characters that some readers take for others.
    *(
        "http://１２７.０.０.１/",
        "http://①②⑦.0.0.1/",
        "http://127。0。0。1/",
        "http://ⅼocalhost/",
        "http://exa\u00admple.com/",
    ),
    *("http://%31%32%37.0.0.1/", "http://127.0.0.1%00.example.com/", "http://example.com%2f@127.0.0.1/"),
    *("http://[fe80::1%25eth0]/", "http://[::1%lo]/", "http://[v1.127.0.0.1]/", "http://[127.0.0.1]/", "http://::1/"),
    # Where does the host end?
    *("http://example.com@127.0.0.1/", "http://user:password@example.com/", "http://@example.com/", "http://:80/"),
    *("http://example.com\\@127.0.0.1/", "http://example.com\\.internal/", "http:\\\\127.0.0.1/", "http://a\tb.com/"),
    *("http://exam\nple.com/", " http://example.com/", "http://example.com/ ", "http://example.com/a b"),
    *("http://example.com/\x00", "http://example.com/\r\nX: y", "http://example.com:80:81/", "http://[::1]x/"),
    *("http://example.com:/", "http:///example.com", "http:example.com", "http://", "//example.com/", "example.com"),
    *("http://-a.com/", "http://a-.com/", f"http://{'a' * 64}.com/", f"http://{'a.' * 130}com/", "http://\ud800.com/"),
    # Ports and schemes of other services.
    *("http://example.com:22/", "http://example.com:25/", "http://example.com:0/", "http://example.com:65536/"),
    *("http://example.com:99999/", "https://example.com:1023/", "http://example.com:+80/", "http://example.com:８０/"),
    *("ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_", "data:text/plain,x", "javascript:1"),
    *("redis://127.0.0.1/", "httpx://example.com/", "http+unix://%2frun%2fredis.sock/", "", "http", "\u0000"),
    "http://example.com/" + "a" * 5000,
]


@pytest.mark.parametrize(("text", "url"), READ)
def test_an_address_is_read_in_one_spelling(text: str, url: Url) -> None:
    assert read(text, NOTHING) == url
    assert read(str(url), NOTHING) == url


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_is_refused_and_the_message_says_what_to_do(trick: str) -> None:
    with pytest.raises(OutwardRefused) as refused:
        read(trick, NOTHING)
    assert refused.value.hint


@pytest.mark.parametrize("trick", TRICKS)
def test_a_redirect_to_a_trick_leads_nowhere_inside(trick: str) -> None:
    """It may be read as a path of the same host, which is where such a redirect is sent by browsers, too."""
    at = read("http://example.com/a/b", NOTHING)
    try:
        found = redirected(at, trick.encode("utf-8", "surrogatepass"), NOTHING)
    except OutwardRefused:
        return
    assert (found.host, found.port) == ("example.com", 80)


REDIRECTS = [
    ("/cat.jpg", "https://example.com/cat.jpg"),
    ("cat.jpg?v=2", "https://example.com/a/cat.jpg?v=2"),
    ("//cdn.example.com/cat.jpg", "https://cdn.example.com/cat.jpg"),
    ("https://cdn.example.com", "https://cdn.example.com/"),
    ("../../../x", "https://example.com/x"),
    ("/Käse.jpg", "https://example.com/K%C3%A4se.jpg"),
]


@pytest.mark.parametrize(("location", "expected"), REDIRECTS)
def test_a_redirect_is_read_from_where_it_is_sent(location: str, expected: str) -> None:
    assert str(redirected(read("https://example.com/a/b", NOTHING), location.encode(), NOTHING)) == expected


@pytest.mark.parametrize("location", [b"http://example.com/", b"https://10.0.0.1/", b"//127.0.0.1/", b"\xff", b"//[/"])
def test_a_redirect_may_not_lose_the_encryption_or_lead_inside(location: bytes) -> None:
    with pytest.raises(OutwardRefused):
        redirected(read("https://example.com/", NOTHING), location, NOTHING)


def test_a_refusal_names_the_setting_that_allows_it() -> None:
    with pytest.raises(OutwardRefused, match=r"10\.1\.2\.3 may not be reached: its address is private") as refused:
        read("http://10.1.2.3:8080/", NOTHING)
    assert "OUTWARD_ALLOWED" in str(refused.value.hint)
    assert read("http://10.1.2.3:8080/", Allowed.parse(["10.1.2.0/24"])).port == 8080


@given(st.text(max_size=80), st.sampled_from(["", "http://", "https://", "http://127.0.0.1", "http://a.b/"]))
def test_any_text_is_read_or_refused(text: str, beginning: str) -> None:
    try:
        url = read(beginning + text, NOTHING)
    except OutwardRefused:
        return
    assert read(str(url), NOTHING) == url
    assert (url.host + url.target).isascii()
    assert url.address is None or ip_address(url.host).is_global
