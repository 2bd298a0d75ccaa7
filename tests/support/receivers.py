"""Receivers of webhooks that are functions."""

from services.core.webhooks.held import Held
from services.core.webhooks.webhook import Webhook
from services.jobs.webhooks.verdict import Answer


async def unheard(webhook: Webhook, held: Held) -> Answer:
    """Nobody listens at any address."""
    return Answer(None, "nobody listens")
