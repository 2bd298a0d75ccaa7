"""One grammar of addresses: a real nginx makes of thousands of spellings what the service's parser makes of them.

Cache keys and signatures are nginx' work, by maps; what is answered is the service's, by `form.parse`. Both come from
one table (services/core/addresses/arguments.py).
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.core.addresses.arguments import ACCEPT, ARGUMENTS, PRESET
from services.core.addresses.form import Form, canonical, parse, signed
from services.core.errors import BadRequest, NotFound
from tests.processes.key_server import Keys, KeyServer
from tests.support.spellings import PRESETS, VALUES, Spelling, spellings
from tools.stack.plan import TEMPLATES

SIDE_MAX = 8192
COUNT = 4000
Asked = list[tuple[Spelling, Keys]]

ROUTES = ["/assets/media", "/prefix/pictures"]


def maps(route: str, negotiation: str) -> str:
    """Return the gateway's own maps for a route."""
    values = {"ASSETS_PATTERN": f"(?:{route}|/assets/media)", "FORMAT_NEGOTIATION": negotiation}
    text = (TEMPLATES / "addresses.conf.template").read_text()
    return re.sub(r"\$\{([A-Z_]+)\}", lambda match: values[match[1]], text)


@pytest.fixture(scope="module", params=[(route, on) for route in ROUTES for on in ("off", "on")], ids="-".join)
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    """Yield thousands of requests with what nginx makes of each."""
    route, negotiation = request.param
    server = KeyServer(tmp_path_factory.mktemp("nginx"), maps(route, negotiation))
    requests = spellings(COUNT, seed=18, route=route)
    try:
        yield list(zip(requests, server.ask(requests), strict=True))
    finally:
        server.close()


def read(address: str) -> Form | None:
    """Return what the service reads in an address, None when it refuses it."""
    path, _, query = address.partition("?")
    try:
        return parse(path, query, SIDE_MAX, PRESETS)
    except (BadRequest, NotFound):
        return None


def without_accept(query: str) -> str:
    """A client's own argument of this name does not count: the gateway sends its own."""
    return re.sub(r"(?i)(?<![^&])accept=[^&]*", "", query)


def test_each_argument_is_among_the_spellings() -> None:
    assert set(VALUES) == {PRESET, ACCEPT.name, *(argument.name for argument in ARGUMENTS)}


def test_the_key_of_every_spelling_is_its_canonical_address(asked: Asked) -> None:
    seen: Counter[str] = Counter()
    for spelling, keys in asked:
        form = read(f"{spelling.path}?{without_accept(spelling.query)}")
        if form is None:
            # It is passed on as it came, or under a key that is refused too.
            assert not keys.key or read(keys.key) is None, spelling
            seen["refused"] += 1
            continue
        of_key = read(keys.key)
        assert of_key is not None, spelling
        assert keys.key == canonical(replace(form, accepted=of_key.accepted)), spelling
        assert keys.signed == signed(form), spelling
        seen["possible"] += 1
    assert min(seen["refused"], seen["possible"]) > COUNT / 10


def test_what_a_client_accepts_is_in_the_key_only_where_it_changes_the_answer(
    asked: Asked,
) -> None:
    for spelling, keys in asked:
        if (form := read(keys.key) if keys.key else None) is None:
            continue
        assert form.accepted == "webp" or keys.negotiable == "1", spelling
        assert canonical(form) == keys.key, spelling


def test_an_address_that_is_canonical_already_is_its_own_key(asked: Asked, tmp_path: Path) -> None:
    server = KeyServer(tmp_path, maps("/assets/media", "off"))
    keys = sorted({found.key for _, found in asked if found.key and "accept=" not in found.key})
    try:
        again = server.ask([Spelling(key, key, "", "") for key in keys])
    finally:
        server.close()
    assert [found.key for found in again] == keys
