"""The issuer of tokens for people: its keys are fetched, kept, and fetched again when a token names another one.

Known keys are used for as long as the issuer does not answer. No token can have the issuer asked more often than every
few seconds.
"""

import asyncio
import logging
import time
from typing import Any

import httpx
import orjson

from services.catalog import metrics
from services.catalog.oidc import verification
from services.catalog.oidc.verification import Head, Key
from services.core.errors import IssuerAway, Unauthorized
from services.core.observing import logs
from services.core.state.cancellation import is_cancelled

log = logging.getLogger(__name__)

DISCOVERY = "/.well-known/openid-configuration"
PAUSE_SECONDS = 10.0
"""Between two times that the issuer is asked."""
_REFRESH_SECONDS = 600.0
_TIMEOUT_SECONDS = 5.0
_ANSWER_MAX = 512 * 1024


class NotAnIssuer(Exception):
    """What answers there is not the issuer that is configured, or its answer cannot be used."""


FAILURES = (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError, NotAnIssuer)
"""What `Issuer.fetch` raises; ValueError for names that no host can have."""


class Issuer:
    """`address` is its `iss`, as it writes it. `plain` allows it to publish its keys without TLS."""

    def __init__(self, address: str, *, plain: bool, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.address, self._plain = address, plain
        self._http = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False, transport=transport)
        self._keys: dict[str, Key] | None = None
        self._asking = asyncio.Lock()
        self._asked_at = self._known_at = float("-inf")
        self._is_away = False

    async def key(self, wanted: Head) -> Key:
        """Return the key that a token needs; raises Unauthorized if the issuer has no such key, and IssuerAway if it
        cannot be asked."""
        found = verification.find(self._keys or {}, wanted)
        if found is None:
            await self._ask_again()
            found = verification.find(self._keys or {}, wanted)
        if found is None and (self._keys is None or self._is_away):
            raise IssuerAway(int(PAUSE_SECONDS))
        if found is None:
            raise Unauthorized
        return found

    async def keep(self) -> None:
        """Fetch the keys, and again from time to time, until cancelled: a key that is published no more ends so."""
        while not is_cancelled():
            if time.monotonic() - self._known_at >= _REFRESH_SECONDS:
                await self._ask_again()
            await asyncio.sleep(PAUSE_SECONDS)

    async def fetch(self) -> dict[str, Key]:
        """Ask the issuer for its keys; raises one of FAILURES."""
        about = await self._json(self.address.rstrip("/") + DISCOVERY)
        if about.get("issuer") != self.address:
            raise NotAnIssuer(f"It calls itself {about.get('issuer')!r}, not {self.address!r}.")
        address = about.get("jwks_uri")
        if not isinstance(address, str) or not address.startswith(
            ("https://", "http://") if self._plain else "https://"
        ):
            raise NotAnIssuer("Its jwks_uri is not an https address.")
        published = (await self._json(address)).get("keys")
        keys = verification.read_keys(published) if isinstance(published, list) else {}
        if not keys:
            raise NotAnIssuer("It publishes no key that can be used.")
        return keys

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask_again(self) -> None:
        """Fetch the keys, unless that has just been tried. Those who come meanwhile wait for the same answer."""
        async with self._asking:
            if time.monotonic() - self._asked_at < PAUSE_SECONDS:
                return
            self._asked_at = time.monotonic()
            try:
                self._keys = await self.fetch()
            except FAILURES as error:
                self._is_away = True
                logs.event(log, logging.WARNING, "issuer_away", error=f"{type(error).__name__}: {error}")
            else:
                self._is_away, self._known_at = False, time.monotonic()
            metrics.ISSUER_AWAY.set(self._is_away)

    async def _json(self, address: str) -> dict[str, Any]:
        async with asyncio.timeout(_TIMEOUT_SECONDS), self._http.stream("GET", address) as answer:
            if answer.status_code != 200:
                raise NotAnIssuer(f"{address} answers {answer.status_code}.")
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > _ANSWER_MAX:
                    raise NotAnIssuer(f"{address} sends more than {_ANSWER_MAX} bytes.")
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise NotAnIssuer(f"{address} sends no JSON.") from None
        if not isinstance(found, dict):
            raise NotAnIssuer(f"{address} sends no JSON object.")
        return found
