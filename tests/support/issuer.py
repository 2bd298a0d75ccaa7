"""An OpenID Connect issuer for tests: real keys, and over HTTP what OpenID Connect Discovery 1.0 and RFC 7517 publish.

It is a double: it knows no people and has no logins. A test signs what it wants with the keys of the issuer, or others.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "tada"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
STRANGE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
"""The key of somebody else."""


def published(key: Any, kid: str | None, **more: Any) -> dict[str, Any]:
    """Return the public part of a key as a JWK."""
    kind: Any = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    made: dict[str, Any] = json.loads(kind.to_jwk(key.public_key()))
    return {**made, "use": "sig", **({} if kid is None else {"kid": kid}), **more}


class TestIssuer:
    """Listens on loopback. `keys` is its JWKS, `document` changes its discovery document, `status` what it answers."""

    __test__ = False

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = [published(RSA, "rsa"), published(EC, "ec")]
        self.document: dict[str, Any] = {}
        self.status = 200
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/realms/tada"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of an ID token; None leaves one out."""
        now = int(time.time())
        found = {
            "iss": self.address,
            "aud": AUDIENCE,
            "sub": "248289761001",
            "iat": now,
            "exp": now + 300,
            "preferred_username": "anna",
            "email": "anna@example.com",
            "groups": ["editors"],
            **changes,
        }
        return {name: value for name, value in found.items() if value is not None}

    def token(
        self, key: Any = RSA, algorithm: str = "RS256", headers: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        kid = {"RS256": "rsa", "PS256": "rsa", "ES256": "ec"}.get(algorithm, "rsa")
        return jwt.encode(self.claims(**claims), key, algorithm, headers={"kid": kid, **(headers or {})})

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                found: dict[str, Any] = {"keys": issuer.keys}
                if self.path.endswith("/.well-known/openid-configuration"):
                    found = {"issuer": issuer.address, "jwks_uri": f"{issuer.address}/certs", **issuer.document}
                body = json.dumps(found).encode()
                self.send_response(issuer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
