"""The job *expire*: marks entries whose expiration date is past, which purges their cached copies."""

import time

from services.core.assets.entries import Entry, changed
from services.core.errors import NotFound
from services.core.jobs import safe_points
from services.core.state.entries import Entries

_BATCH = 500


async def expire(entries: Entries) -> list[Entry]:
    """Mark every entry that has expired, and return them. Running it again does no harm."""
    marked: list[Entry] = []
    while due := await entries.expired_keys(time.time(), _BATCH):
        for key in due:
            if safe_points.reached():
                return marked
            try:
                entry, commit = await entries.change(key, _mark)
            except NotFound:
                continue  # It was deleted meanwhile, together with its date.
            if commit is not None:
                marked.append(entry)
    return marked


def _mark(entry: Entry) -> Entry:
    if entry.expired or not entry.is_expired(time.time()):
        return entry
    return changed(entry, expired=True)
