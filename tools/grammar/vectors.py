"""The test vectors of client libraries: what each of them makes of a wanted form, a spelling, and a key, as JSON.

The services' own grammar makes them, so a library that passes asks for the addresses that the caches have.
"""

import json
import re
from collections.abc import Callable, Collection
from functools import partial
from math import floor
from typing import Any
from urllib.parse import quote

from services.core.addresses import saving
from services.core.addresses.arguments import ARGUMENTS, HEIGHT, PRESET, WIDTH
from services.core.addresses.form import BASE, STORED_EXTENSIONS, Form, canonical, parse, signed
from services.core.addresses.presets import NAME_PATTERN
from services.core.addresses.signing import sign, without_own
from services.core.addresses.spellings import Decimal
from services.core.assets import names
from services.core.assets.fingerprint import ARGUMENT as VERSION
from services.core.errors import BadRequest, TadaError
from tools.grammar.cases import SIGNED, SPELLED, WANTED, Signed, Spelled, Wanted

_SIDE_MAX = 999_999_999
"""What an address can have. The largest side that is served is a setting, and no library knows it."""
_PRESET = re.compile(rf"(?!image$){NAME_PATTERN}")
_VERSION = re.compile(r"[0-9a-f]{12}(?:-[0-9.]+-[0-9.]+)?")
_UNRESERVED = "!'()*-._~"
"""What encodeURIComponent leaves as it is, besides letters and digits."""


def addresses() -> str:
    return _json([_row(_data(wanted), "address", partial(address, wanted)) for wanted in WANTED])


def forms() -> str:
    return _json([_row(_spelling(spelled), "form", partial(form, spelled.path)) for spelled in SPELLED])


def signatures() -> str:
    return _json([_signature(each) for each in SIGNED])


def address(wanted: Wanted) -> str:
    """Return the address of a wanted form, in its canonical spelling; raises TadaError for what cannot be wanted."""
    if not names.is_unique_name(wanted.name) or wanted.name.startswith("/image/"):
        raise BadRequest(f"name must be the unique_name of an entry, not {wanted.name!r}.", "")
    given = dict(wanted.options)
    saved, version = given.pop(saving.ARGUMENT, False), given.pop(VERSION, None)
    if not given.get("original"):
        given.pop("original", None)
    meant = _meant(wanted.name, given)
    path, _, query = canonical(meant).partition("?")
    parts = [query] if query else []
    if saved:
        text = "1" if saved is True else quote(saved, safe=_UNRESERVED)
        saving.check({saving.ARGUMENT: text})
        parts.append(f"{saving.ARGUMENT}={text}")
    if version is not None:
        if not _VERSION.fullmatch(version):
            raise BadRequest(f"{VERSION} must be that of an entry's versioned_url, not {version!r}.", "")
        parts.append(f"{VERSION}={version}")
    return f"{wanted.base.rstrip('/')}{path.removeprefix(BASE)}{'?' if parts else ''}{'&'.join(parts)}"


def _meant(name: str, given: dict[str, Any]) -> Form:
    if given.pop("original", False):
        _refuse_beside("original", given, ())
        return parse(f"{BASE}/original{name}", "", _SIDE_MAX)
    preset = given.pop(PRESET, None)
    if preset is not None:
        _check_preset(preset)
        _refuse_beside(PRESET, given, [argument.name for argument in ARGUMENTS if argument.beside_preset])
        return parse(f"{BASE}/optimise/{preset}{name}", _query(given), _SIDE_MAX, (preset,))
    # The path has no sign for them: they are read as arguments first.
    parse(
        f"{BASE}/full/DEV/x.webp", _query({side.name: given.get(side.name, 0) for side in (WIDTH, HEIGHT)}), _SIDE_MAX
    )
    width, height = given.pop(WIDTH.name, 0), given.pop(HEIGHT.name, 0)
    drawn = parse(f"{BASE}/optimise/{width}x{height}{name}", _query(given), _SIDE_MAX)
    is_stored_type = name.rpartition(".")[2] in STORED_EXTENSIONS
    if width or height or (is_stored_type and drawn.is_picture):
        return drawn
    return parse(f"{BASE}/full{name}", _query(given), _SIDE_MAX)


def _refuse_beside(what: str, given: dict[str, Any], allowed: Collection[str]) -> None:
    for name in given:
        if name not in allowed:
            raise BadRequest(f"{name} has no effect beside {what}.", "")


def _check_preset(name: str) -> None:
    if not _PRESET.fullmatch(name):
        raise BadRequest(f"{PRESET} must be small letters, digits and '-', 32 at most, not {name!r}.", "")


def _query(given: dict[str, Any]) -> str:
    return "&".join(f"{name}={_text(name, value)}" for name, value in given.items())


def _text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ",".join(f"{_hundredths(share):g}" for share in value)
    spelling = next(argument.spelling for argument in ARGUMENTS if argument.name == name)
    return f"{_hundredths(value):g}" if isinstance(spelling, Decimal) else str(value)


def _hundredths(value: float) -> float:
    return floor(value * 100 + 0.5) / 100


def form(path_and_query: str) -> str:
    """Return what is signed of an address below a base; raises TadaError for what is none."""
    path, _, query = path_and_query.partition("?")
    box = re.match(r"/optimise/([^/]+)", path)
    named = [box[1]] if box else re.findall(rf"(?:^|&){PRESET}=([^&]+)", query)
    return signed(parse(f"{BASE}{path}", query, _SIDE_MAX, [name for name in named if _PRESET.fullmatch(name)]))


def _signature(each: Signed) -> dict[str, Any]:
    text, expires = form(each.path), "" if each.expires is None else str(each.expires)
    signature = sign(each.key, text, expires)
    path, _, query = each.path.partition("?")
    parts = [without_own(query), f"expires={expires}" if expires else "", f"signature={signature}"]
    return {
        **_spelling(each),
        "key": each.key,
        "expires": each.expires,
        "form": text,
        "signature": signature,
        "signed": f"{each.base}{path}?{'&'.join(filter(None, parts))}",
    }


def _data(wanted: Wanted) -> dict[str, Any]:
    return {"case": wanted.case, "base": wanted.base, "name": wanted.name, "wanted": wanted.options}


def _spelling(each: Spelled | Signed) -> dict[str, Any]:
    return {"case": each.case, "base": each.base, "address": f"{each.base}{each.path}"}


def _row(case: dict[str, Any], result: str, made: Callable[[], str]) -> dict[str, Any]:
    """Return a case with its result, or with the argument that is at fault and what the service says of it."""
    try:
        return {**case, result: made()}
    except TadaError as error:
        return {**case, "refused": _at_fault(error), "reason": error.message.replace(str(_SIDE_MAX), "SIDE_MAX")}


def _at_fault(error: TadaError) -> str:
    first = error.message.partition(" ")[0]
    known = {argument.name for argument in ARGUMENTS} | {saving.ARGUMENT, VERSION, PRESET}
    if first in known:
        return first
    return PRESET if "a preset" in error.message else "name"


def _json(rows: list[dict[str, Any]]) -> str:
    """Return rows as JSON, one a line, so that a change shows which ones differ."""
    return "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"
