"""Addresses that a client gives for requests to the outside: read strictly, so that all who read one agree. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin

from services.core.clients import Address
from services.core.errors import OutwardRefused
from services.core.outward.addresses import Allowed, kind_of
from services.core.outward.hosts import read_address, read_name

LENGTH_MAX = 4096
_PORTS = {"http": 80, "https": 443}
_USER_PORTS = 1024
_SHAPE = re.compile(r"(?P<scheme>[a-z]+)://(?P<authority>[^/?#]*)(?P<target>[^#]*)(?:#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\\\ud800-\udfff]")
_KEPT = "%/?:@!$&'()*+,;=-._~[]|"
"""What the target keeps as it is. Everything else, such as letters of other scripts, is escaped as browsers do it."""
_LOCATION = "https://cms.example.com/cat.jpg"
ALLOW_HINT = "If it may be reached, an operator can allow it with OUTWARD_ALLOWED."


@dataclass(frozen=True, slots=True)
class Url:
    """The address of a request. `host` is in small letters, an address of IPv6 without brackets; `target` is ASCII."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def address(self) -> Address | None:
        """The address of the network, if the host is one and not a name."""
        return read_address(self._spelled_host)

    @property
    def authority(self) -> str:
        """What the header Host says."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self._spelled_host}{port}"

    @property
    def _spelled_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def read(text: str, allowed: Allowed) -> Url:
    """Read an address; raises OutwardRefused.

    A host that is an address is looked at here, a name only when the request is made.
    """
    if len(text) > LENGTH_MAX:
        raise OutwardRefused(f"The address has more than {LENGTH_MAX} characters.", "Send a shorter one.")
    if _FORBIDDEN.search(text):
        raise _unreadable("it has a space, a backslash or a control character", "Write such characters as %20.")
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise _unreadable("it has no scheme and host")
    scheme = shape["scheme"].lower()
    if scheme not in _PORTS:
        raise _unreadable(f"its scheme {scheme[:20]!r} is not http or https")
    if "@" in shape["authority"]:
        raise _unreadable("it has a user name or password", "Send it without what stands before the @.")
    parts = _AUTHORITY.fullmatch(shape["authority"])
    if parts is None:
        raise _unreadable("its host or port is not valid")
    url = Url(scheme, _host(parts["host"].lower()), _port(scheme, parts["port"]), _target(shape["target"]))
    if url.address is not None:
        check(url.address, url.host, kind_of(url.address), allowed)
    return url


def redirected(url: Url, location: bytes, allowed: Allowed) -> Url:
    """Return where a redirect leads; raises OutwardRefused, also if it leads from https to http."""
    try:
        text = location.decode()
    except UnicodeDecodeError:
        raise _unreadable("it is not UTF-8") from None
    if _FORBIDDEN.search(text):  # urljoin would drop some of these.
        raise _unreadable("it has a space, a backslash or a control character")
    try:
        joined = urljoin(str(url), text)
    except ValueError:
        raise _unreadable("its host is not valid") from None
    found = read(joined, allowed)
    if (url.scheme, found.scheme) == ("https", "http"):
        raise OutwardRefused(f"{url.host} redirects from https to http.", "Send the address at which the file is.")
    return found


def check(address: Address, host: str, kind: str | None, allowed: Allowed) -> None:
    """Raise OutwardRefused unless an address of a kind (see `kind_of`), to which `host` leads, may be reached.

    The message does not say to what address a name leads: names inside the network are not for clients to look up.
    """
    if kind is not None and not allowed.has(address, host, kind):
        raise OutwardRefused(f"{host} may not be reached: its address is {kind}.", ALLOW_HINT)


def _host(text: str) -> str:
    address = read_address(text)
    if address is not None:
        return str(address)
    if text.isascii():
        if text.endswith("."):
            raise _unreadable("its host ends with a dot", "Send it without the dot.")
        name = read_name(text)
        if name is None:
            raise _unreadable(
                "its host is not a name or an address in its usual spelling",
                "Send a name, an address such as 192.0.2.7, or one such as [2001:db8::7].",
            )
        return name
    raise _unreadable("its host is not ASCII", "Send the name as the name service has it: xn--…")


def _port(scheme: str, text: str | None) -> int:
    port = _PORTS[scheme] if text is None else int(text)
    if port not in _PORTS.values() and not _USER_PORTS <= port < 65536:
        raise OutwardRefused(
            f"Port {port} may not be used.", f"Requests are sent to 80, 443, and {_USER_PORTS} to 65535."
        )
    return port


def _target(text: str) -> str:
    return quote(text if text.startswith("/") else f"/{text}", safe=_KEPT)


def _unreadable(why: str, hint: str | None = None) -> OutwardRefused:
    return OutwardRefused(f"The address cannot be used: {why}.", hint or f"Send one such as {_LOCATION}.")
