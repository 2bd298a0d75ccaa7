"""With SIGNED_URLS the edge answers for signed addresses alone, also from its cache."""

import re
import time
from collections.abc import Callable

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
