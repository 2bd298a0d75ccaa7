"""With SIGNED_URLS the edge answers for signed addresses alone, also from its cache."""

import hashlib
import re
import time
from collections.abc import Callable
from typing import Any

import httpx

from services.core.addresses.signing import sign
from tests.processes.system import System
from tests.support import javascript
from tests.support.problems import problem
from tests.support.waits import wait_until
from tools.node import node

OLD, NEW = "o" * 32, "n" * 32


def signed(form: str, expires: str = "", key: str = NEW) -> str:
    """Return the address of a form without arguments, signed."""
    return f"{form}?expires={expires}&signature={sign(key, form, expires)}"


def test_only_signed_addresses_are_answered_also_from_the_cache(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(SIGNED_URLS="true", URL_SIGNING_KEYS=f"{NEW},{OLD}", FORMAT_NEGOTIATION="true")
    system.upload(f"{name}.jpg", photos["china.jpg"])
    form = f"/assets/media/optimise/90x80/DEV/{name}.webp?quality=50&fit=contain"
    spelling = f"/assets/media/optimise/090x80/DEV/{name}.webp?fit=contain&quality=50&x=y"
    avif = {"Accept": "image/avif"}
    for at, key in enumerate((NEW, OLD, NEW)):
        answer = system.edge.get(f"{spelling}&signature={sign(key, form)}", headers=avif)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/avif")
        assert answer.headers["x-cache-status"] == ("HIT" if at else "MISS"), "a signature is no part of the cache key"
    assert system.edge.head(f"{spelling}&signature={sign(NEW, form)}", headers=avif).status_code == 200
    plain = f"/assets/media/full/DEV/{name}.webp"
    assert system.edge.get(f"{plain}?signature={sign(NEW, plain)}").status_code == 200
    assert system.edge.get(f"{plain}?signature={sign(NEW, plain)}", headers=avif).status_code == 200
    for refused in (
        spelling,
        f"{spelling}&signature={sign('x' * 32, form)}",
        f"{spelling}&signature={sign(NEW, form)}&width=5&quality=51".replace("quality=50&", "quality=51&"),
        f"{spelling}&signature={sign(NEW, form)}&expires=4000000000",
        f"{plain}?signature={sign(NEW, form)}",
        f"/assets/media/original/DEV/{name}.jpg",
        f"/assets/media/full/DEV/not-{name}.webp",
        "/assets/media/whatever",
    ):
        answer = system.edge.get(refused, headers=avif)
        assert (answer.status_code, answer.headers["cache-control"]) == (403, "no-store"), refused
        assert problem(answer)["code"] == "forbidden"
    assert system.edge.get("/catalog").status_code == 200
    # The private side needs none.
    assert system.api.get(plain).status_code == 200

    end = int(time.time()) + 3
    dated = f"{plain}?expires={end}&signature={sign(NEW, plain, str(end))}"
    assert system.edge.get(dated).status_code == 200
    wait_until(lambda: time.time() >= end)
    assert system.edge.get(dated).status_code == 403


def test_inside_a_refusal_says_what_is_wrong(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(SIGNED_URLS="true", URL_SIGNING_KEYS=NEW, API_PREFIX="/shop")
    system.upload(f"{name}.jpg", photos["china.jpg"])
    form = f"/assets/media/optimise/90x0/DEV/{name}.webp?quality=50&blur=2"
    spelled = f"/shop/assets/media/optimise/090x0/DEV/{name}.webp?blur=2.0&quality=50"
    for query, message in (
        ("&signature=", "The address is unsigned"),
        ("&expires=4000000000", "The address is unsigned"),
        (f"&expires=1000000000&signature={sign(NEW, form, '1000000000')}", "The signature has expired"),
        (f"&signature={sign(NEW, spelled)}", "The signature is of another spelling of the address"),
        (f"&signature={sign(OLD, form)}", "The signature is of a wrong key"),
    ):
        for method in ("GET", "HEAD"):
            answer = system.api.request(method, f"{spelled}{query}")
            assert (answer.status_code, answer.headers["cache-control"]) == (403, "no-store"), query
        said = problem(system.api.get(f"{spelled}{query}"))
        assert said["message"].startswith(message)
        assert form in said["hint"] or "expired" in message
        outside = system.edge.get(f"{spelled}{query}")
        assert outside.status_code == 403
        assert form not in outside.text
        assert message not in outside.text
    odd = system.api.get(f"/shop/assets/media/full/x?signature={sign(NEW, form)}&quality=%22")
    assert "not an address of an asset" in problem(odd)["hint"]
    good = f"{spelled}&signature={sign(NEW, form)}"
    for client in (system.api, system.edge):
        assert client.get(good).status_code == 200
    assert system.api.get(spelled).status_code == 200, "inside no signature is needed"
    by_script = (
        f"import {{ sign, url }} from 'tada-media'; const base = '{system.edge.base_url}/shop/assets/media'; "
        f"const wanted = {{ width: 90, quality: 40, v: '8378025ad251', download: 'Grüße' }}; "
        f"console.log(await sign(base, url(base, '/DEV/{name}.webp', wanted), '{NEW}', new Date(4e12)))"
    )
    address = node("--input-type=module", "--eval", by_script, cwd=javascript.installed()).strip()
    assert system.edge.get(address).status_code == 200
    assert system.edge.get(address.replace("quality=40", "quality=41")).status_code == 403
    system.kill("transform")
    assert system.api.get(good).status_code == 200, "what is stored is answered also if nobody can look"


def test_a_signature_that_was_asked_about_is_remembered(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(SIGNED_URLS="true", URL_SIGNING_KEYS=NEW)
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/full/DEV/{name}.webp"
    for _ in range(5):
        assert system.edge.get(f"{path}?signature={sign(NEW, path)}").status_code == 200
    wait_until(lambda: path in system.log("nginx-cache"))
    assert len(re.findall(r'"path":"/\.signed"', system.log("nginx-cache"))) == 1


def test_while_nobody_can_check_signatures_the_known_ones_are_served_and_others_told_to_come_again(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    system = make_system(SIGNED_URLS="true", URL_SIGNING_KEYS=f"{NEW},{OLD}", EDGE_CACHE_SECONDS="1")
    system.upload(f"{name}.jpg", photos["china.jpg"])
    path = f"/assets/media/optimise/90x0/DEV/{name}.webp"
    end = int(time.time()) + 5
    known, dated = signed(path), signed(path, str(end))
    revoked = signed(path, key=OLD)
    for address in (known, dated, revoked):
        assert system.edge.get(address).status_code == 200
    system.kill("transform")
    answer = system.edge.get(signed(path, "4000000000"))
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
    assert answer.headers["retry-after"]
    assert problem(answer)["code"] == "unavailable"
    # Longer than any tier holds a verdict to be new, and beyond the end of one.
    wait_until(lambda: time.time() >= end - 1.5)
    for address in (known, dated):
        assert system.edge.get(address).status_code == 200, address
    wait_until(lambda: time.time() >= end)
    assert system.edge.get(dated).status_code == 503
    assert system.edge.get(known).status_code == 200

    # What is remembered is no answer once somebody can be asked again.
    system.add("transform", like="transform", URL_SIGNING_KEYS=NEW)
    system.start("transform")
    assert system.edge.get(revoked).status_code == 403
    assert system.edge.get(dated).status_code == 403
    assert system.edge.get(known).status_code == 200


def test_the_catalog_signs_addresses_of_an_asset(
    make_system: Callable[..., System], photos: dict[str, bytes], name: str
) -> None:
    tokens = {role: f"token-of-a-{role}" for role in ("write", "read", "other")}
    rights = {"write": "write:*", "read": "read:*", "other": "write:PROD"}
    lines = (f"{who}:{rights[who]}:{hashlib.sha256(token.encode()).hexdigest()}" for who, token in tokens.items())
    system = make_system(
        SIGNED_URLS="true",
        URL_SIGNING_KEYS=f"{NEW},{OLD}",
        API_PREFIX="/shop",
        NAMESPACES_ALLOWED="DEV,PROD",
        PRESETS="thumb:60x60?crop=smart",
        MEDIA_TOKENS=";".join(lines),
    )

    def ask(uuid: str, body: Any, who: str = "write") -> httpx.Response:
        headers = {"Authorization": f"Bearer {tokens[who]}"}
        return system.api.post(f"/shop/catalog/{uuid}/signatures", json=body, headers=headers)

    system.api.headers["Authorization"] = f"Bearer {tokens['write']}"
    entry, other = (system.upload(f"{each}.jpg", photos["china.jpg"]) for each in (name, f"other-{name}"))
    addresses = [
        "original",
        "full?download=1",
        "optimise/090x0?blur=2.0&quality=50",
        "optimise/thumb",
        entry["public_url"],
        entry["versioned_url"],
        # It would be redirected to another address, which would have no signature.
        f"{entry['base_url']}/original{entry['unique_name']}",
    ]
    for expires_in in (None, 3600):
        answer = ask(entry["uuid"], {"addresses": addresses, "expires_in": expires_in})
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
        for wanted, signed_one in zip(addresses, answer.json()["data"], strict=True):
            assert signed_one["address"] == wanted
            assert (signed_one["ends_date"] is None) == (expires_in is None)
            assert httpx.get(signed_one["url"]).status_code == 200, signed_one
            assert ("expires=" in signed_one["url"]) == (expires_in is not None)
    below = f"/optimise/90x0/DEV/{name}.webp?quality=50&blur=2"
    [signed_one] = ask(entry["uuid"], {"addresses": addresses[2:3]}).json()["data"]
    by_the_first = sign(NEW, f"/assets/media{below}")
    assert signed_one["url"] == f"{entry['base_url']}{below}&signature={by_the_first}"

    many = ask(entry["uuid"], {"addresses": [f"optimise/{width}x0" for width in range(1, 101)]})
    assert len({one["url"] for one in many.json()["data"]}) == 100
    for body, message in (
        ({"addresses": ["full"] * 101}, "addresses has 101 items, and may have 100."),
        ({"addresses": ["full"], "expires_in": "1h"}, "expires_in is not a whole number"),
        ([], "The body is not a JSON object"),
    ):
        refused = ask(entry["uuid"], body)
        assert refused.status_code == 400
        assert problem(refused)["message"].startswith(message)
    refused = ask(entry["uuid"], {"addresses": ["full", other["public_url"], "optimise/9999x0"]})
    assert (refused.status_code, refused.json()["data"]) == (400, [])
    said = [(one["index"], one["message"]) for one in refused.json()["problems"]]
    assert said == [
        (1, f"{other['public_url']!r} is the address of another asset."),
        (2, "width must be an integer from 1 to 8192, not '9999'."),
    ]
    assert ask(entry["uuid"], {"addresses": ["full"]}, "read").status_code == 403
    assert ask(entry["uuid"], {"addresses": ["full"]}, "other").status_code == 403

    # The end comes, and the asset goes: its addresses are answered as those of any other.
    [soon] = ask(entry["uuid"], {"addresses": ["full"], "expires_in": 2}).json()["data"]
    [forever] = ask(entry["uuid"], {"addresses": ["full"]}).json()["data"]
    assert httpx.get(soon["url"]).status_code == 200
    wait_until(lambda: time.time() >= float(re.findall(r"expires=(\d+)", soon["url"])[0]))
    assert httpx.get(soon["url"]).status_code == 403
    assert httpx.get(forever["url"]).status_code == 200
    assert system.api.delete(f"/shop/file/{entry['uuid']}").status_code == 200
    assert httpx.get(forever["url"]).status_code == 404
    gone = ask(entry["uuid"], {"addresses": ["full"]})
    assert (gone.status_code, problem(gone)["code"]) == (404, "not_found")


def test_without_keys_the_catalog_says_what_to_set(system: System, photos: dict[str, bytes], name: str) -> None:
    entry = system.upload(f"{name}.jpg", photos["china.jpg"])
    [about] = system.api.get("/about").json()["data"]
    assert (about["signed_urls"], about["signs_addresses"]) == (False, False)
    answer = system.api.post(f"/catalog/{entry['uuid']}/signatures", json={"addresses": ["full"]})
    assert (answer.status_code, problem(answer)["code"]) == (409, "not_signing")
    assert "Set SIGNED_URLS=true" in problem(answer)["hint"]
    system.api.delete(f"/file/{entry['uuid']}")
