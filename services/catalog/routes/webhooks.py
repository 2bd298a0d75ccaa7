"""The routes for webhooks: register and change them, and deal with what could not be delivered. The worker delivers."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from services.catalog.bodies import need_no_body, read_json_object, read_optional_object
from services.catalog.context import Context, context
from services.catalog.routes import jobs
from services.catalog.routes.arguments import limit_of
from services.core.assets import freshness
from services.core.assets.entries import timestamp
from services.core.errors import BadRequest, NotFound, OutwardFailed, OutwardRefused
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.webhooks.waiting import WAITING_MAX, Letter, Waiting
from services.core.webhooks.webhook import Fields, Webhook

EXAMPLE = '{"address": "https://cms.example.com/tada", "kinds": ["asset.deleted"]}'
LIMIT, LIMIT_MAX = 100, 1000
"""Dead letters on one page."""
LETTER_ID = r"[0-9]{1,16}-[0-9]{1,10}"
IDS_MAX = 1000
_LOOKUP_SECONDS = 5


async def list_webhooks(request: Request) -> Response:
    """Answer with all webhooks and how each of them is."""
    ctx = context(request)
    return _answer([await _shown(ctx, webhook) for webhook in await ctx.webhooks.all()])


async def post_webhook(request: Request) -> Response:
    """Register a webhook. Only this answer has its secret."""
    ctx, fields = context(request), Fields.parse(await read_json_object(request, EXAMPLE))
    if not fields.address:
        raise BadRequest("A webhook needs an address.", f"Send one, such as {EXAMPLE}.")
    await _check_address(ctx, fields.address)
    made = await ctx.webhooks.add(Webhook("", fields.address).changed(fields.given))
    return _answer([{**await _shown(ctx, made), "secret": made.secret}], 201)


async def get_webhook(request: Request) -> Response:
    """Answer with a webhook and how it is."""
    ctx = context(request)
    return _answer([await _shown(ctx, await ctx.webhooks.get(_id(request)))])


async def patch_webhook(request: Request) -> Response:
    """Change a webhook. With `active: true`, all that waits for it is tried now, also if its receiver is gone."""
    ctx, fields = context(request), Fields.parse(await read_json_object(request, '{"active": false}'))
    await ctx.webhooks.get(_id(request))
    if "address" in fields.given:
        await _check_address(ctx, fields.address)
    revived = fields.given.get("active", False)
    changed = await ctx.webhooks.change(_id(request), lambda webhook: webhook.changed(fields.given), revived=revived)
    return _answer([await _shown(ctx, changed)])


async def delete_webhook(request: Request) -> Response:
    """Remove a webhook with all that waits for it, and its dead letters."""
    await need_no_body(request)
    ctx = context(request)
    shown = await _shown(ctx, await ctx.webhooks.get(_id(request)))
    await ctx.webhooks.remove(_id(request))
    return _answer([shown])


async def rotate_secret(request: Request) -> Response:
    """Give a webhook another secret. Events are signed with the present one, too, for a while."""
    await need_no_body(request)
    ctx = context(request)
    changed = await ctx.webhooks.change(_id(request), lambda webhook: webhook.rotated(time.time()))
    return _answer([{**await _shown(ctx, changed), "secret": changed.secret}])


async def test_webhook(request: Request) -> Response:
    """Have a worker send a trial event. The result of the job is what the receiver answers."""
    await need_no_body(request)
    webhook = await context(request).webhooks.get(_id(request))
    return await jobs.asked(request, "test_webhook", {"webhook": webhook.id})


async def list_dead_letters(request: Request) -> Response:
    """Answer with a page of dead letters, the first ones first."""
    waiting, query = await _waiting(request), request.query_params
    cursor = query.get("cursor", "")
    if cursor and not re.fullmatch(LETTER_ID, cursor):
        raise BadRequest(f"{cursor[:100]!r} is not a valid cursor.", "Send the cursor of the previous page.")
    limit = limit_of(query.get("limit", ""), LIMIT_MAX) or LIMIT
    found = await waiting.letters(limit + 1, cursor)
    page = found[:limit]
    return _answer(list(map(_shown_letter, page)), cursor=page[-1].id if len(found) > limit else None)


async def delete_dead_letters(request: Request) -> Response:
    """Remove all dead letters of a webhook."""
    await need_no_body(request)
    return _answer([], removed=await (await _waiting(request)).remove_letters())


async def replay(request: Request) -> Response:
    """Have dead letters sent again: all, or those that the body names. Says how many, and how many are left."""
    waiting, body = await _waiting(request), await read_optional_object(request, '{"ids": ["1772357400000-0"]}')
    count, room = 0, max(0, WAITING_MAX - await waiting.count())
    async for letters in _chosen(waiting, _ids_of(body)):
        count += await waiting.replay(letters[: room - count], time.time())
        if count >= room:
            break
    return _answer([], replayed=count, left=(await waiting.state()).dead_letters)


async def _chosen(waiting: Waiting, ids: list[str] | None) -> AsyncIterator[list[Letter]]:
    """Yield the dead letters with some ids, or all that there are now, page by page; raises NotFound."""
    if ids is None:
        async for page in waiting.all_letters():
            yield page
        return
    found = [await waiting.letter(letter_id) for letter_id in ids]
    if None in found:
        raise NotFound(f"There is no dead letter {ids[found.index(None)]}.", "GET …/dead-letters lists all.")
    yield [letter for letter in found if letter]


def _ids_of(body: dict[str, Any]) -> list[str] | None:
    if unknown := next((name for name in body if name != "ids"), None):
        raise BadRequest(f"A replay has no field {unknown[:100]!r}.", "It takes ids, or nothing for all.")
    if "ids" not in body:
        return None
    ids = body["ids"]
    is_list = isinstance(ids, list) and 1 <= len(ids) <= IDS_MAX
    if not is_list or not all(isinstance(one, str) and re.fullmatch(LETTER_ID, one) for one in ids):
        raise BadRequest(
            f"ids must be a list of 1 to {IDS_MAX} ids of dead letters.",
            "GET …/dead-letters lists them. Leave ids out for all.",
        )
    return list(dict.fromkeys(ids))


def _id(request: Request) -> str:
    return str(request.path_params["webhook"])


async def _waiting(request: Request) -> Waiting:
    """Return what waits for the webhook that the path names; raises NotFound."""
    registry = context(request).webhooks
    return registry.waiting((await registry.get(_id(request))).id)


async def _check_address(ctx: Context, address: str) -> None:
    """Raise OutwardRefused for an address to which no event may or can be sent."""
    try:
        async with asyncio.timeout(_LOOKUP_SECONDS):
            await ctx.outward.check(address)
    except OutwardFailed as error:
        raise OutwardRefused(error.message, "Check the name of the host.") from None
    except TimeoutError:
        raise OutwardRefused(
            "The name of the host cannot be looked up in time.", "Check it, or send it again."
        ) from None


async def _shown(ctx: Context, webhook: Webhook) -> dict[str, Any]:
    state = await ctx.webhooks.waiting(webhook.id).state()
    return {
        **webhook.shown(),
        "old_secret_until": _date(webhook.old_secret_until if time.time() < webhook.old_secret_until else None),
        "gone_date": state.gone,
        "waiting": state.waiting,
        "oldest_date": _date(state.oldest),
        "next_attempt_date": _date(state.next_attempt),
        "dead_letters": state.dead_letters,
        "dropped": state.dropped,
        "last_success": state.success,
        "last_failure": state.failure,
    }


def _shown_letter(letter: Letter) -> dict[str, Any]:
    held = letter.held
    return {
        "id": letter.id,
        "died_date": _date(int(letter.id.partition("-")[0]) / 1000),
        "reason": held.reason,
        "attempts": held.attempts,
        "first_attempt_date": _date(held.first or None),
        "last_attempt": asdict(held.last) if held.last else None,
        "event": orjson.loads(held.body)["data"],
    }


def _date(seconds: float | None) -> str | None:
    return None if seconds is None else timestamp(datetime.fromtimestamp(seconds, UTC))


def _answer(data: list[dict[str, Any]], status: int = 200, **more: Any) -> Response:
    return JsonResponse(envelope(data, **more), status, headers=freshness.NEVER)
