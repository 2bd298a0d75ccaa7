"""The checks of the doctor for the catalog service alone: whether the counts of each namespace are right, how much
room resumable uploads have left, and whether the issuer of logins publishes its keys."""

from collections.abc import AsyncIterator
from functools import partial

from redis.exceptions import RedisError

from services.catalog.settings import CatalogSettings
from services.core.assets.quotas import NO_QUOTA
from services.core.doctor import Check, Finding
from services.core.dumps.loss import look
from services.core.state import commands, connection, keys, usage
from services.core.state.connection import Redis
from services.core.state.counting import Counting
from services.core.state.resumable import OPEN_MAX, reserved

_COMPARED_MAX = 100_000
"""Entries that are read for a comparison: a few seconds."""
_MUCH = 0.9
"""The share of its room from which a warning is due."""
_MEND = f"Remove the key {keys.USAGE} from Redis. A catalog service counts everything again within a minute."


def checks(settings: CatalogSettings) -> list[Check]:
    """Return what the doctor checks in this service, beside what every service needs."""
    return [partial(check, settings) for check in (look, quotas, logins, resumable)]


async def quotas(settings: CatalogSettings) -> AsyncIterator[Finding]:
    """Compare the counts with the entries, and say which namespaces have used up their quota."""
    client = connection.connect(settings.redis_address)
    try:
        yield await _compared(client)
        known = await usage.counts(client)
    except RedisError:
        return  # Another check reports it.
    finally:
        await client.aclose()
    for namespace, used in known.of.items():
        quota = settings.quotas.get(namespace, NO_QUOTA)
        for what in ("bytes", "assets"):
            allowed, has = getattr(quota, what), getattr(used.total, what)
            if allowed is not None and has >= allowed:
                mend = "Uploads are refused there. Delete what is not needed, or raise QUOTAS."
                yield Finding("quota", f"{namespace} has {has} of {allowed} {what}", mend)


async def resumable(settings: CatalogSettings) -> AsyncIterator[Finding]:
    """Say how many resumable uploads are open, and how much of their room is reserved."""
    if settings.backend.replaces_in_place:
        yield Finding("resumable uploads", "not possible with a distant backend, which has no place for parts of files")
        return
    client = connection.connect(settings.redis_address)
    try:
        lengths = await reserved(client)
    except RedisError:
        return  # Another check reports it.
    finally:
        await client.aclose()
    used, room = sum(lengths), settings.tus_room
    said = f"{len(lengths)} are open, with {used} of {room} bytes (TUS_ROOM)"
    is_much = used > _MUCH * room or len(lengths) > _MUCH * OPEN_MAX
    mend = "New ones will soon be refused (507). Raise TUS_ROOM, or lower TUS_HOURS if clients leave many."
    yield Finding("resumable uploads", said, mend if is_much else "")


async def logins(settings: CatalogSettings) -> AsyncIterator[Finding]:
    """Ask the issuer for its keys, if there is one."""
    if not settings.oidc_issuer:
        return
    # Most have no issuer, and its client is slow to import.
    from services.catalog.oidc.issuer import FAILURES, Issuer

    issuer = Issuer(settings.oidc_issuer, plain=settings.oidc_is_plain)
    try:
        count = len(await issuer.fetch())
    except FAILURES as error:
        yield Finding("logins", f"{settings.oidc_issuer}: {error}", "Check OIDC_ISSUER, and the network to it.")
    else:
        yield Finding("logins", f"{settings.oidc_issuer} publishes {count} keys")
    finally:
        await issuer.close()


async def _compared(client: Redis) -> Finding:
    count = await commands.hlen(client, keys.ENTRIES)
    if count > _COMPARED_MAX:
        return Finding("usage", f"{count} entries are too many to be added up here")
    wrong = await Counting(client).wrong()
    if wrong is None:
        return Finding("usage", "could not be compared: it is counted just now, or there are many writes")
    said = "; ".join(f"{name} is counted as {counted}, and has {there}" for name, (counted, there) in wrong.items())
    return Finding("usage", said or "the counts of all namespaces are right", _MEND if wrong else "")
