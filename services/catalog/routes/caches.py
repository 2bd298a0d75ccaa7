"""The routes about what the gateway's nodes have: how far each is, what each has stored of an asset, purge and warm."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.catalog import answers, bulk
from services.catalog.bodies import need_no_body
from services.catalog.context import context
from services.catalog.middleware.auth import principal_of
from services.catalog.routes import jobs
from services.catalog.routes.arguments import change_of
from services.catalog.routes.changes import check_right
from services.core.assets import freshness, identity, names
from services.core.assets.entries import Entry
from services.core.assets.reductions import Reduction
from services.core.errors import Forbidden, Subject
from services.core.jobs.kinds import WARM
from services.core.serving.envelope import envelope
from services.core.serving.web import JsonResponse
from services.core.state.changes import number_of
from services.core.state.questions import COPIES, NODES

ANSWER_SECONDS = 4.0
"""How long a jobs worker is waited for. It waits for a node for two seconds."""


async def get_nodes(request: Request) -> Response:
    """Answer with each node of the gateway, and whether it has a change; by default the last one of the catalog."""
    ctx = context(request)
    given = change_of(request.query_params.get("change", ""))
    change = number_of(await ctx.entries.revision()) if given is None else given
    found = await ctx.questions.ask(NODES, {"change": change}, ANSWER_SECONDS)
    body = envelope(found["nodes"], change=str(change), newest=found["newest"])
    return JsonResponse(body, headers=freshness.NEVER)


async def get_forms(request: Request) -> Response:
    """Answer with what each node has stored of an asset, and with the reduction of its picture."""
    ctx = context(request)
    entry = await ctx.entries.get(request.path_params["uuid"])
    _need_namespace(request, entry.namespace)
    reduction = await ctx.reductions.of(entry)
    found = await ctx.questions.ask(COPIES, {"groups": groups(entry)}, ANSWER_SECONDS)
    beside = {
        "storage": ctx.settings.backend.source,
        "reduction": _shown(reduction) if reduction else None,
        "warmed": found["warmed"],
    }
    return JsonResponse(envelope(found["nodes"], **beside), headers=freshness.NEVER)


async def purge(request: Request) -> Response:
    """Make all stored copies of an asset stale."""
    await need_no_body(request)
    uuid = request.path_params["uuid"]
    purged = context(request).entries.purge(uuid, lambda entry: check_right(request, entry))
    return await answers.written(request, await bulk.one(purged, Subject(uuid=uuid)))


async def warm(request: Request) -> Response:
    """Have the forms that WARM names made of an asset."""
    await need_no_body(request)
    entry = await context(request).entries.get(request.path_params["uuid"])
    check_right(request, entry)
    return await jobs.asked(request, WARM, {"uuid": entry.uuid})


def groups(entry: Entry) -> list[str]:
    """Return the purge groups of an asset and of its page, as the nodes of the gateway know them."""
    return [names.stem(entry.unique_name), *identity.all_names(entry.uuid, entry.unique_name)]


def _shown(reduction: Reduction) -> dict[str, Any]:
    return {
        "storage_key": reduction.storage_key,
        "bytes": reduction.size,
        "mimetype": reduction.media_type,
        "signature": reduction.digest,
        "pictures": [{"width": part.width, "height": part.height} for part in reduction.parts],
    }


def _need_namespace(request: Request, namespace: str) -> None:
    principal = principal_of(request)
    if not principal.may_use(namespace):
        allowed = ", ".join(sorted(principal.namespaces or ()))
        raise Forbidden(f"The token {principal.name!r} may not see namespace {namespace!r}.", f"It may see: {allowed}.")
