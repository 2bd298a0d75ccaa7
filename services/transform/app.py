"""Wiring of the transform service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from services.core.clients import networks
from services.core.probes import checkup, health
from services.core.probes.internal import Internal
from services.core.probes.reports import Reporter
from services.core.serving.request_log import RequestLog, route_template
from services.core.serving.web import ERROR_HANDLERS, Direct, JsonResponse
from services.core.state import cancellation, connection
from services.core.state.belonging import Belonging
from services.core.state.entry_reader import EntryReader, following
from services.core.state.process import Process
from services.core.state.rate_limits import Limit, Limiter, StorageGuard
from services.core.storage import open_storage
from services.transform import metrics
from services.transform.answer import questions
from services.transform.answer.delivery import Delivery
from services.transform.answer.signature import check_signature, explain_signature
from services.transform.doctor import checks
from services.transform.render.allowance import Allowance
from services.transform.render.pool import Patience, RenderPool
from services.transform.render.renders import Renders
from services.transform.render.sources import Sources
from services.transform.settings import TransformSettings

_ASSETS = "/assets/media/"
_FORMS = ("original", "full", "optimise")


def route_of(scope: Scope) -> str:
    """Return the route of a request with the form that it asks for: those are of different kinds."""
    path: str = scope["path"]
    if not path.startswith(_ASSETS):
        return route_template(scope)
    form = path[len(_ASSETS) :].partition("/")[0]
    return f"{_ASSETS}{form if form in _FORMS else '…'}/{{name}}"


def make_app(settings: TransformSettings) -> Starlette:
    client = connection.connect(settings.redis_address)
    patience = Patience(settings.waiting_seconds, settings.render_seconds)
    pool = RenderPool(settings.render_threads, settings.render_queue, patience)
    limit = Limit(settings.delegated_storage_rate_limit, settings.delegated_storage_rate_limit_window_ms)
    guard = StorageGuard(Limiter(client), limit)
    storage = open_storage(settings)
    renders = Renders(Sources(storage, guard), pool, settings.limits, Allowance(settings.render_budget))
    trusted = networks(settings.trusted_proxies)
    question = questions.reader(settings.side_max, settings.allowed_forms)
    readers = EntryReader(client), EntryReader(client, following)
    delivery = Delivery(settings, *readers, storage, renders, guard, question, settings.lifetimes, trusted)

    async def deliver(request: Request) -> Response:
        return await delivery(request)

    async def signed(request: Request) -> Response:
        return check_signature(request, settings.signing_keys, settings.edge_cache_seconds)

    async def explained(request: Request) -> Response:
        return explain_signature(request, settings.signing_keys, settings.api_prefix + settings.route_file_get)

    async def healthy(request: Request) -> Response:
        return JsonResponse({"alive": True})

    belonging, process = Belonging(client, storage), Process(client)
    asked = health.of_reader(client, storage, belonging)
    internal = Internal("transform", settings, asked, [metrics.sample])
    reporter = Reporter(client, settings.service, process.name, asked, settings.data_folder_path)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await internal.open()
        await storage.open()
        await belonging.begin()
        looking = asyncio.create_task(belonging.keep())
        internal.started = True
        async with reporter.reporting(), checkup.answering(client, settings, checks(settings), writes=False):
            yield
        await cancellation.end([looking])
        await internal.close()
        pool.shutdown()
        await storage.close()
        await client.aclose()

    return Starlette(
        routes=[
            Route("/assets/media/{path:path}", deliver),
            Route("/.signed", signed),
            Route("/.signature", explained),
            Route("/healthz", healthy),
        ],
        middleware=[
            Middleware(RequestLog, quiet="/healthz", route=route_of),
            Middleware(Direct, routes={"/assets/media/.+": deliver}),
        ],
        exception_handlers=ERROR_HANDLERS,
        lifespan=lifespan,
    )
