"""Tokens of the issuer: which keys can verify them, and whether they are valid. Pure.

A token says by which algorithm and with which key it is signed. Neither is believed: the algorithm must be one of the
type of the key, and the key one that the issuer publishes. Algorithms with a shared secret, and none, are no such ones.
Addresses and keys in a token (jku, x5u, jwk) are not looked at.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from services.core.errors import Unauthorized

_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_ALGORITHMS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("RSA", ""): _RSA,
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
"""The algorithms of each type of key and curve."""
_RSA_BITS = 2048
TOKEN_MAX = 8 * 1024
"""Characters: what nginx takes in one header."""
_LEEWAY_SECONDS = 30
_LOGOUT = "logout+jwt"
"""The type of a token that tells of the end of a login: it is no login."""
_SHAPE = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the issuer, and the algorithms for which it is used."""

    public: Any
    algorithms: tuple[str, ...]


Keys = Mapping[str, Key]
"""By their ids. A key without one has the empty text."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a token says of its signature: which key, and which algorithm."""

    kid: str
    algorithm: str


def head(token: str) -> Head:
    """Read which key is needed; raises Unauthorized for what can be no valid token of any issuer."""
    if len(token) > TOKEN_MAX or not _SHAPE.fullmatch(token):
        raise Unauthorized
    try:
        said = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise Unauthorized from None
    kid, algorithm = said.get("kid", ""), said.get("alg")
    known = any(algorithm in algorithms for algorithms in _ALGORITHMS.values())
    if not known or not isinstance(kid, str) or "crit" in said or str(said.get("typ")).lower().endswith(_LOGOUT):
        raise Unauthorized
    return Head(kid, str(algorithm))


def find(keys: Keys, wanted: Head) -> Key | None:
    """Return the key that a token names; the only key if it names none."""
    if not wanted.kid and len(keys) == 1:
        return next(iter(keys.values()))
    return keys.get(wanted.kid)


def claims_of(token: str, wanted: Head, key: Key, issuer: str, audience: str) -> dict[str, Any]:
    """Return the claims of a token; raises Unauthorized unless the key has signed them, for here and for now."""
    if wanted.algorithm not in key.algorithms:
        raise Unauthorized
    try:
        found: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[wanted.algorithm],
            audience=audience,
            issuer=issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        raise Unauthorized from None
    return found


def read_keys(published: Iterable[Any]) -> dict[str, Key]:
    """Read the keys of a JWKS. Those of no use here are left out: for encryption, of other types, too short."""
    keys = {}
    for one in published:
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or not isinstance(one.get("kid", ""), str):
            continue
        kind = str(one.get("kty")), "" if one.get("kty") == "RSA" else str(one.get("crv"))
        algorithms = tuple(name for name in _ALGORITHMS.get(kind, ()) if one.get("alg") in (None, name))
        public = _public(one, algorithms)
        if public is not None:
            keys[one.get("kid", "")] = Key(public, algorithms)
    return keys


def _public(published: dict[str, Any], algorithms: tuple[str, ...]) -> Any:
    """Return a key without its secret part, should an issuer publish that; None if it cannot be used."""
    if not algorithms:
        return None
    public = {name: value for name, value in published.items() if name in ("kty", "crv", "n", "e", "x", "y", "kid")}
    try:
        key = jwt.PyJWK.from_dict(public, algorithm=algorithms[0]).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return None if isinstance(key, RSAPublicKey) and key.key_size < _RSA_BITS else key
