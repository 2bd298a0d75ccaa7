"""One request to the receiver of a webhook."""

import time
from collections.abc import Sequence

from services.core.assets import media_types
from services.core.errors import OutwardFailed, OutwardRefused
from services.core.outward.client import Limits, Outward
from services.core.webhooks.held import Held
from services.core.webhooks.signing import signed_headers
from services.core.webhooks.webhook import Webhook
from services.jobs.webhooks.verdict import Answer

_READ = 1000
"""Bytes of an answer that are read, if it is not a success."""


class Sender:
    """Sends signed events, each at most for `seconds`. No redirect is followed.

    `fixed_secrets` are those of the webhooks that the setting WEBHOOKS names.
    """

    def __init__(self, outward: Outward, seconds: float, fixed_secrets: Sequence[str]) -> None:
        self._outward, self._fixed_secrets = outward, fixed_secrets
        self._limits = Limits(seconds, redirects=0)

    async def post(self, webhook: Webhook, held: Held) -> Answer:
        """Send an event to the receiver of a webhook, and return its answer, also if there is none."""
        now = time.time()
        of_secrets = self._fixed_secrets if webhook.fixed else webhook.secrets(now)
        headers = {"Content-Type": media_types.JSON, **signed_headers(held.id, int(now), held.body, of_secrets)}
        found = Answer(None)
        try:
            async with self._outward.ask("POST", webhook.address, self._limits, headers, held.body) as answer:
                found = Answer(answer.status, "", answer.headers.get("retry-after", ""))
                if not found.is_success:
                    text = await answer.beginning(_READ)
                    found = Answer(found.status, text.decode(errors="replace"), found.retry_after)
        except (OutwardRefused, OutwardFailed) as error:
            return Answer(None, error.message) if found.status is None else found
        return found
