"""An OpenID Connect issuer for tests: real keys, and over HTTP what OpenID Connect Discovery 1.0 and RFC 7517 publish.

It is a double: a test signs what it wants with the keys of the issuer, or others. With `pages`, people log in there by
the code flow (RFC 6749, with PKCE as in RFC 7636), and everybody who presses the button is anna.
"""

import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

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
        self.pages: tuple[str, ...] = ()  # The addresses to which it leads people back: those that are registered.
        self.refreshes = True
        self.said: dict[str, Any] = {}  # What is other in its answers to a code and to a refresh token.
        self.led_back: dict[str, str] = {}  # What is other in the address to which it leads back.
        self._codes: dict[str, dict[str, str]] = {}
        self._refreshing: set[str] = set()
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

    def form(self, asked: dict[str, str]) -> tuple[int, str]:
        """Return the page on which people log in, or a refusal: of what is not registered, nobody is led back."""
        known = asked.get("client_id") == AUDIENCE and asked.get("redirect_uri") in self.pages
        if not known or asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            return 400, "This is no request of a client that is registered."
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return 400, "PKCE is required."
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        said = {"code": code, "state": asked["state"], "iss": self.address, **self.led_back}
        back = html.escape(f"{asked['redirect_uri']}?{urlencode(said)}")
        return 200, f'<!doctype html><title>Log in</title><a role="button" href="{back}">I am anna</a>'

    def exchange(self, form: dict[str, str]) -> dict[str, Any]:
        """Return the tokens for a code or a refresh token, each of which is good once."""
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self._refreshing:
                return {"error": "invalid_grant"}
            self._refreshing.remove(form["refresh_token"])
            return self._tokens()
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = jwt.utils.base64url_encode(digest).decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return {"error": "invalid_grant", "error_description": "The code is not good."}
        return self._tokens(nonce=asked["nonce"])

    def end_logins(self) -> None:
        """Take back all refresh tokens."""
        self._refreshing.clear()

    def _tokens(self, **claims: Any) -> dict[str, Any]:
        said: dict[str, Any] = {"token_type": "Bearer", "access_token": secrets.token_urlsafe(16)}
        if self.refreshes:
            said["refresh_token"] = secrets.token_urlsafe(16)
            self._refreshing.add(said["refresh_token"])
        return {**said, "id_token": self.token(**{**claims, **self.said})}

    def _handler(self) -> Callable[..., BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                if urlsplit(self.path).path.endswith("/authorize"):
                    self._send(*issuer.form(dict(parse_qsl(urlsplit(self.path).query))), "text/html")
                    return
                found: dict[str, Any] = {"keys": issuer.keys}
                if self.path.endswith("/.well-known/openid-configuration"):
                    found = {
                        "issuer": issuer.address,
                        "jwks_uri": f"{issuer.address}/certs",
                        "authorization_endpoint": f"{issuer.address}/authorize",
                        "token_endpoint": f"{issuer.address}/token",
                        **issuer.document,
                    }
                self._send(issuer.status, json.dumps(found))

            def do_POST(self) -> None:
                issuer.asked.append(self.path)
                form = dict(parse_qsl(self.rfile.read(int(self.headers["content-length"])).decode()))
                found = issuer.exchange(form)
                self._send(400 if "error" in found else 200, json.dumps(found))

            def _send(self, status: int, text: str, media_type: str = "application/json") -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                origin = self.headers.get("origin", "")
                if any(page.startswith(f"{origin}/") for page in issuer.pages):
                    self.send_header("Access-Control-Allow-Origin", origin)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
