"""Whether the backend answers and is ready: checked for readiness, and before a 404 is believed.

A wrong address answers 404 for every file, and so may a proxy while its backend is gone. The protocol cannot tell these
from a file that does not exist. But neither answers as a backend that is ready.
"""

import asyncio
import time

from services.core.errors import StorageDown
from services.core.storage.attempts import Policy, attempt
from services.core.storage.distant.client import NO_SUCH_ROUTE, DistantClient, complaint, note
from services.core.storage.settings import StorageSettings

_BELIEVED_SECONDS = 2.0
"""How long a ready backend counts as ready: many 404s together cost one check."""


class Readiness:
    """Asks the readiness route of one backend."""

    def __init__(self, settings: StorageSettings, client: DistantClient) -> None:
        self._client = client
        self._path = settings.delegated_storage_readiness_check
        self._policy = Policy(settings.storage_retries, settings.storage_read_seconds)
        self._asking = asyncio.Lock()
        self._believed_until = 0.0

    async def check(self) -> None:
        """Raise StorageDown unless the backend is ready now."""
        await attempt(self._policy, self._ask)
        self._believed_until = time.monotonic() + _BELIEVED_SECONDS

    async def believe_404(self) -> None:
        """Raise StorageDown unless a 404 that has just come means that the file does not exist."""
        async with self._asking:
            if time.monotonic() > self._believed_until:
                await self.check()

    async def _ask(self) -> None:
        async with self._client.ask("GET", self._path) as answer:
            body = await answer.body()
        if 200 <= answer.status < 300:
            return
        note("GET", self._path, answer.status, body)
        if answer.status in NO_SUCH_ROUTE:
            raise StorageDown(
                f"The server at the storage's address does not know GET {self._path} (status {answer.status}).",
                "An operator must check DELEGATED_STORAGE_HOST and DELEGATED_STORAGE_READINESS_CHECK.",
            )
        raise complaint("GET", self._path, answer.status)
