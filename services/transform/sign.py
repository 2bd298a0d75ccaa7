"""Sign an address: python -m services.transform.sign ADDRESS [DURATION]

ADDRESS is a path or a whole address, in any spelling. DURATION says for how long it is good: 90s, 15m, 2h or 7d.
Without one it has no end. The key is the first of URL_SIGNING_KEYS. The other settings are those of the transform
service.
"""

import re
import sys
import time
from urllib.parse import urlsplit

from services.core.addresses.form import BASE, parse, signed
from services.core.addresses.signing import with_signature, without_own
from services.core.errors import TadaError
from services.core.settings import load
from services.transform.settings import TransformSettings

_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def signed_address(address: str, expires: str, settings: TransformSettings) -> str:
    """Return an address with its end and its signature; raises TadaError for one that is not of an asset."""
    parts = urlsplit(address)
    query = without_own(parts.query)
    route = settings.api_prefix + settings.route_file_get
    path = BASE + parts.path.removeprefix(route) if parts.path.startswith(f"{route}/") else parts.path
    form = parse(path, query, settings.side_max, settings.presets)
    plain = parts._replace(query=query, fragment="").geturl()
    return with_signature(plain, settings.signing_keys[0], signed(form), expires)


def expires_after(duration: str, now: float) -> str:
    """Return the end of a duration such as 2h, as an address has it; raises ValueError."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise ValueError(f"{duration!r} is not a valid duration; expected one such as 90s, 15m, 2h or 7d")
    return str(int(now) + int(match[1]) * _SECONDS[match[2]])


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2:
        print("usage: python -m services.transform.sign ADDRESS [DURATION]", file=sys.stderr)
        return 2
    settings = load(TransformSettings)
    if not settings.signing_keys:
        print("There is no key. Set URL_SIGNING_KEYS to the keys of the transform service.", file=sys.stderr)
        return 2
    try:
        expires = expires_after(arguments[1], time.time()) if len(arguments) == 2 else ""
        print(signed_address(arguments[0], expires, settings))
    except (TadaError, ValueError) as error:
        print(error.message if isinstance(error, TadaError) else error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
