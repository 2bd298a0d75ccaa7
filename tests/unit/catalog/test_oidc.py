"""Logins by OpenID Connect: tokens of an issuer with real keys, and all that is not one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import ValidationError

from services.catalog.gate import Gate
from services.catalog.keyring import Keyring
from services.catalog.oidc import issuer as module
from services.catalog.oidc import roles, verification
from services.catalog.oidc.issuer import FAILURES, Issuer, NotAnIssuer
from services.catalog.oidc.people import People
from services.catalog.oidc.roles import Rule, groups_of, parse_rules, principal_of
from services.catalog.oidc.verification import Head
from services.catalog.settings import CatalogSettings
from services.catalog.tokens import Principal, Role, parse_tokens
from services.core.errors import Forbidden, IssuerAway, Unauthorized
from tests.support.issuer import AUDIENCE, EC, RSA, STRANGE, TestIssuer, published

ROLES = "editors=write:DEV,SHOP;admins=admin:*;readers=read:*"
ANNA = Principal("oidc:anna", Role.WRITE, frozenset({"DEV", "SHOP"}))


@pytest.fixture
def issuer() -> Iterator[TestIssuer]:
    made = TestIssuer()
    yield made
    made.stop()


def settings_of(issuer: TestIssuer, **more: Any) -> CatalogSettings:
    return CatalogSettings(oidc_issuer=issuer.address, oidc_audience=AUDIENCE, oidc_roles=ROLES, **more)  # type: ignore[arg-type]


def gate_of(issuer: TestIssuer, media_token: str = "") -> Gate:
    return Gate(Keyring(lambda: parse_tokens(media_token, "")), People(settings_of(issuer)))


async def test_people_and_programs_are_known_by_their_tokens(issuer: TestIssuer) -> None:
    gate = gate_of(issuer, "s3cret")
    assert await gate.principal(f"Bearer {issuer.token()}") == ANNA
    assert await gate.principal(f"bearer  {issuer.token(EC, 'ES256')} ") == ANNA
    assert await gate.principal(f"Bearer {issuer.token(RSA, 'PS256')}") == ANNA
    assert (await gate.principal("Bearer s3cret")).name == "media"
    admin = await gate.principal(f"Bearer {issuer.token(groups=['readers', 'admins'], aud=['other', AUDIENCE])}")
    assert admin == Principal("oidc:anna", Role.ADMIN, None)
    assert issuer.asked == ["/realms/tada/.well-known/openid-configuration", "/realms/tada/certs"]
    with pytest.raises(Forbidden, match="in no group"):
        await gate.principal(f"Bearer {issuer.token(groups=['others'])}")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Bearer s3cret", "Basic s3cret", "Bearer eyJ.a.b"])
async def test_with_an_issuer_and_no_other_token_nobody_is_anybody(issuer: TestIssuer, authorization: str) -> None:
    gate = gate_of(issuer)
    assert not gate.is_open
    with pytest.raises(Unauthorized):
        await gate.principal(authorization)
    assert issuer.asked == []


def encoded(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed_by_hand(head: object, claims: object, secret: bytes) -> str:
    text = f"{encoded(head)}.{encoded(claims)}"
    return f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def pem(key: rsa.RSAPrivateKey) -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, kind)


def attacks(issuer: TestIssuer) -> dict[str, str]:
    """Return tokens that must not be taken, by what is wrong with them."""
    claims, now = issuer.claims(), int(time.time())
    strange = published(STRANGE, "rsa")
    good = issuer.token()
    head, body, signature = good.split(".")
    deep = b'{"a":' + b"[" * 3000
    return {
        "no algorithm": f"{encoded({'alg': 'none', 'kid': 'rsa'})}.{body}.",
        "no algorithm, in other letters": f"{encoded({'alg': 'nOnE', 'kid': 'rsa'})}.{body}.",
        "no signature": f"{head}.{body}.",
        "the public key as a secret (PEM)": signed_by_hand({"alg": "HS256", "kid": "rsa"}, claims, pem(RSA)),
        "the public key as a secret (JWK)": signed_by_hand(
            {"alg": "HS256", "kid": "rsa"}, claims, json.dumps(issuer.keys[0]).encode()
        ),
        "an empty secret": signed_by_hand({"alg": "HS256", "kid": ""}, claims, b""),
        "the algorithm of another key": f"{encoded({'alg': 'ES256', 'kid': 'rsa'})}.{body}.{signature}",
        "another algorithm": issuer.token(algorithm="HS256", key="x" * 32, headers={"alg": "HS256"}),
        "the key of somebody else": issuer.token(STRANGE),
        "a key in the token": issuer.token(STRANGE, headers={"jwk": strange}),
        "an address of keys": issuer.token(STRANGE, headers={"jku": f"{issuer.address}/evil"}),
        "an address of a certificate": issuer.token(STRANGE, headers={"x5u": f"{issuer.address}/evil", "x5c": ["MII"]}),
        "an unknown key": issuer.token(headers={"kid": "other"}),
        "a key as a path": issuer.token(STRANGE, headers={"kid": "../../../../dev/null"}),
        "a key as a query": issuer.token(STRANGE, headers={"kid": "rsa' OR '1'='1"}),
        "a key that is no text": f"{encoded({'alg': 'RS256', 'kid': ['rsa']})}.{body}.{signature}",
        "no key among several": f"{encoded({'alg': 'RS256'})}.{body}.{signature}",
        "an extension that must be known": issuer.token(headers={"crit": ["b64"], "b64": False}),
        "a token for a logout": issuer.token(headers={"typ": "logout+jwt"}),
        "another audience": issuer.token(aud="other"),
        "the beginning of the audience": issuer.token(aud=AUDIENCE[:-1]),
        "an audience that is no text": issuer.token(aud=[{"tada": 1}]),
        "no audience": issuer.token(aud=None),
        "another issuer": issuer.token(iss="https://evil.example"),
        "an issuer that only begins so": issuer.token(iss=f"{issuer.address}/"),
        "a list of issuers": signed(issuer, {**claims, "iss": [issuer.address]}),
        "no issuer": issuer.token(iss=None),
        "expired": issuer.token(exp=now - 31),
        "no end": issuer.token(exp=None),
        "an end that is no number": signed(issuer, {**claims, "exp": "later"}),
        "not valid yet": issuer.token(nbf=now + 60),
        "issued later": issuer.token(iat=now + 60),
        "nobody": issuer.token(sub=None),
        "other claims": f"{head}.{encoded({**claims, 'groups': ['admins']})}.{signature}",
        "no claims": f"{head}.{encoded([])}.{signature}",
        "one part too many": f"{good}.{signature}",
        "too large": issuer.token(groups=["x" * verification.TOKEN_MAX]),
        "nested too deep": f"{encoded(deep)}.{body}.{signature}",
        "no JSON": f"{encoded(b'{oops')}.{body}.{signature}",
        "no text": f"{encoded(bytes(range(128, 200)))}.{body}.{signature}",
        "other letters": f"{head}.{body}.{signature[:-4]}é*/+",
    }


def signed(issuer: TestIssuer, claims: dict[str, Any]) -> str:
    return jwt.api_jws.encode(json.dumps(claims).encode(), RSA, "RS256", headers={"kid": "rsa"})


async def test_no_attack_is_taken_and_none_has_another_address_asked(issuer: TestIssuer) -> None:
    gate = gate_of(issuer, "s3cret")
    assert await gate.principal(f"Bearer {issuer.token()}") == ANNA
    for what, token in attacks(issuer).items():
        with pytest.raises(Unauthorized):
            pytest.fail(f"{what}: {await gate.principal(f'Bearer {token}')}")
    assert {path.rpartition("/")[2] for path in issuer.asked} == {"openid-configuration", "certs"}
    assert await gate.principal(f"Bearer {issuer.token(exp=int(time.time()) - 29)}") == ANNA


@pytest.mark.parametrize(
    "key",
    [
        {**published(RSA, "rsa"), "use": "enc"},
        {**published(RSA, "rsa"), "alg": "RSA-OAEP"},
        {**published(RSA, "rsa"), "n": "AQAB"},
        {**published(RSA, "rsa"), "n": 3},
        {"kty": "oct", "kid": "rsa", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "rsa"},
        {**published(EC, "ec"), "crv": "P-192"},
        {**published(RSA, None), "kid": 3},
        published(rsa.generate_private_key(public_exponent=65537, key_size=1024), "rsa"),
        "rsa",
        None,
    ],
)
def test_a_key_that_is_of_no_use_is_left_out(key: object) -> None:
    assert verification.read_keys([key]) == {}
    assert verification.read_keys([key, published(EC, "good")]).keys() == {"good"}


async def test_a_token_without_a_key_needs_the_only_one(issuer: TestIssuer) -> None:
    issuer.keys = [published(RSA, None, alg="RS256")]
    gate = gate_of(issuer)
    assert await gate.principal(f"Bearer {issuer.token(headers={'kid': ''})}") == ANNA
    with pytest.raises(Unauthorized):
        await gate.principal(f"Bearer {issuer.token(RSA, 'PS256', headers={'kid': ''})}")


async def test_a_new_key_is_found_and_strange_ones_have_the_issuer_asked_seldom(
    issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, now = gate_of(issuer), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert await gate.principal(f"Bearer {issuer.token()}") == ANNA
    issuer.keys.append(published(STRANGE, "new"))
    rolled = f"Bearer {issuer.token(STRANGE, headers={'kid': 'new'})}"
    for _ in range(5):
        with pytest.raises(Unauthorized):
            await gate.principal(rolled)
    assert len(issuer.asked) == 2
    now += module.PAUSE_SECONDS
    assert await gate.principal(rolled) == ANNA
    assert len(issuer.asked) == 4


async def test_an_issuer_that_is_away_stops_nobody_who_can_be_known(
    issuer: TestIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, now = gate_of(issuer, "s3cret"), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    issuer.status = 503
    for _ in range(3):
        with pytest.raises(IssuerAway) as away:
            await gate.principal(f"Bearer {issuer.token()}")
        assert (away.value.status, away.value.retry_after) == (503, module.PAUSE_SECONDS)
    assert len(issuer.asked) == 1
    assert (await gate.principal("Bearer s3cret")).name == "media"
    issuer.status = 200
    now += module.PAUSE_SECONDS
    assert await gate.principal(f"Bearer {issuer.token()}") == ANNA
    issuer.stop()
    now += module.PAUSE_SECONDS
    with pytest.raises(IssuerAway):
        await gate.principal(f"Bearer {issuer.token(STRANGE, headers={'kid': 'new'})}")
    assert await gate.principal(f"Bearer {issuer.token()}") == ANNA


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "http://"},
        {"jwks_uri": "https://xn--a/"},
    ],
)
async def test_what_is_not_the_issuer_is_not_believed(issuer: TestIssuer, document: dict[str, Any]) -> None:
    issuer.document = document
    asked = Issuer(issuer.address, plain=True)
    with pytest.raises(FAILURES):
        await asked.fetch()
    with pytest.raises(IssuerAway):
        await asked.key(Head("key", "RS256"))


@pytest.mark.parametrize(
    "change", [{"status": 302}, {"status": 500}, {"keys": []}, {"keys": {"a": 1}}, {"keys": [{"x": "y" * 600_000}]}]
)
async def test_an_answer_that_cannot_be_used_is_no_answer(issuer: TestIssuer, change: dict[str, Any]) -> None:
    for name, value in change.items():
        setattr(issuer, name, value)
    with pytest.raises(NotAnIssuer):
        await Issuer(issuer.address, plain=True).fetch()


async def test_keys_without_tls_are_read_only_where_that_is_allowed(issuer: TestIssuer) -> None:
    with pytest.raises(NotAnIssuer, match="https"):
        await Issuer(issuer.address, plain=False).fetch()


RULES = parse_rules("a=read:*; b = write:DEV ;c=write:SHOP;all of them=admin:*;")


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (["a"], (Role.READ, None)),
        ("b", (Role.WRITE, {"DEV"})),
        (["b", "c", "b", "unknown", 3, None], (Role.WRITE, {"DEV", "SHOP"})),
        (["a", "b"], (Role.WRITE, {"DEV"})),
        (["b", "all of them"], (Role.ADMIN, None)),
        (["A"], None),
        ([], None),
        ("a b", None),
        (["all"], None),
        ({"a": 1}, None),
        ([["a"]], None),
        (3, None),
        (None, None),
    ],
)
def test_the_highest_role_of_the_groups_is_that_of_the_person(groups: object, expected: Any) -> None:
    claims = {"sub": "1", "groups": groups}
    if expected is None:
        with pytest.raises(Forbidden):
            principal_of(claims, "groups", RULES)
        return
    role, namespaces = expected
    assert principal_of(claims, "groups", RULES) == Principal("oidc:1", role, namespaces and frozenset(namespaces))


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"realm_access": {"roles": ["a"]}}, "realm_access.roles"),
        ({"https://example.com/groups": ["a"]}, "https://example.com/groups"),
        ({"a.b": ["a"], "a": {"b": ["c"]}}, "a.b"),
    ],
)
def test_groups_are_found_by_a_name_or_a_path(claims: dict[str, Any], name: str) -> None:
    assert groups_of(claims, name) == {"a"}
    assert groups_of(claims, "nothing.at.all") == groups_of({"nothing": ["at"]}, "nothing.at") == frozenset()


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "anna", "email": "a@b.example", "sub": "1"}, "anna"),
        ({"email": "a@b.example", "sub": "1"}, "a@b.example"),
        ({"preferred_username": "", "email": 3, "sub": "1"}, "1"),
        ({"preferred_username": "anna\n\x1b[31m:\u202e x", "sub": "1"}, "anna[31m: x"),
        ({"preferred_username": "x" * 500, "sub": "1"}, "x" * 100),
    ],
)
def test_a_person_is_named_by_the_first_name_that_there_is(claims: dict[str, Any], name: str) -> None:
    found = principal_of({**claims, "groups": "a"}, "groups", RULES)
    assert found.name == roles.PREFIX + name
    with pytest.raises(Unauthorized):
        principal_of({"groups": "a", "sub": " "}, "groups", RULES)


def test_what_groups_may_do_is_written_like_tokens() -> None:
    assert parse_rules(ROLES)[0] == Rule("editors", Role.WRITE, frozenset({"DEV", "SHOP"}))
    assert parse_rules("/org/team a=read:*")[0] == Rule("/org/team a", Role.READ, None)
    for text in ("editors", "editors=write", "editors=owner:*", "=read:*", "a=read:*;a=write:*", "a=read:D V"):
        with pytest.raises(ValueError, match=r"expected groups such as|is there twice"):
            parse_rules(text)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"oidc_issuer": "login.example.com"}, "expected an address"),
        ({"oidc_issuer": "http://login.example.com"}, "OIDC_ISSUER: expected an https address"),
        ({"oidc_audience": ""}, "OIDC_AUDIENCE: expected"),
        ({"oidc_roles": ""}, "OIDC_ROLES: expected"),
        ({"oidc_roles": "editors"}, "expected groups such as"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any], said: str) -> None:
    good = {"oidc_issuer": "https://login.example.com/", "oidc_audience": "tada", "oidc_roles": ROLES}
    assert CatalogSettings(**good, host="0.0.0.0").oidc_issuer == "https://login.example.com/"  # type: ignore[arg-type]
    assert CatalogSettings(**{**good, "oidc_issuer": "http://login:8080", "oidc_allow_http": True}).oidc_is_plain  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match=said):
        CatalogSettings(**{**good, **given})
