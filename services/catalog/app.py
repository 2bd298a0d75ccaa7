"""Wiring of the catalog service: routes, middleware and the resources that live as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.routing import Route

from services.catalog.context import Context
from services.catalog.middleware import cors
from services.catalog.middleware.auth import Authentication
from services.catalog.middleware.clients import networks
from services.catalog.middleware.drain import Drain
from services.catalog.middleware.throttle import Throttle
from services.catalog.routes import changes, docs_page, dumps, files, health, jobs, listing
from services.catalog.settings import CatalogSettings
from services.catalog.uploads.forms import OVERHEAD
from services.catalog.uploads.leftovers import Leftovers
from services.catalog.uploads.spool import sweep_forever
from services.catalog.uploads.uploads import Rules, Uploads
from services.catalog.whole_list import WholeList
from services.core.dumps.stores import open_dumps
from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.probes.health import of_writer
from services.core.probes.internal import Internal
from services.core.serving.request_log import RequestLog
from services.core.serving.web import ERROR_HANDLERS, Answer, Direct
from services.core.state import connection
from services.core.state.claims import Claims
from services.core.state.entries import Entries
from services.core.state.entry_reader import EntryReader
from services.core.state.process import Process
from services.core.state.progress import Progress
from services.core.state.rate_limits import Limit, Limiter
from services.core.state.reaper import Reaper
from services.core.storage import open_storage


class _EntryConvertor(StringConvertor):
    """What may stand for an entry in a path: anything but what is a route of its own there."""

    regex = r"(?!(?:create|restore)-dump(?:/|$))[^/]+"


register_url_convertor("entry", _EntryConvertor())


def make_app(settings: CatalogSettings) -> Starlette:
    client = connection.connect(settings.redis_address)
    process, progress = Process(client), Progress(client)
    entries, claims = Entries(client), Claims(client, process)
    storage = open_storage(settings)
    store = open_dumps(settings, storage)
    rules = Rules(
        settings.namespaces_allowed,
        frozenset(settings.valid_mimetypes),
        settings.assets_url,
        settings.use_stripmetadata,
    )

    storage.prepare()

    asked = of_writer(client, storage)
    internal = Internal("catalog", settings, asked)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await internal.open()
        await storage.open()
        await store.open()
        async with process.alive(), progress.following():
            sweeping = asyncio.create_task(sweep_forever(storage.spool, process))
            internal.started = True
            yield
            sweeping.cancel()
        await internal.close()
        await store.close()
        await storage.close()
        await client.aclose()

    app = Starlette(
        routes=_slash_or_not(
            *(
                Route(path, files.post_file, methods=["POST"])
                for path in _paths("/file", "/upload", settings.route_file_post)
            ),
            *(
                Route(path, files.post_files, methods=["POST"])
                for path in _paths("/files", "/uploads", settings.route_files_post)
            ),
            Route("/files", files.patch_files, methods=["PATCH"]),
            Route("/files", files.delete_files, methods=["DELETE"]),
            Route("/file/{uuid}", files.patch_file, methods=["PATCH"]),
            Route("/file/{uuid}", files.delete_file, methods=["DELETE"]),
            *(route for path in _catalog_paths(settings) for route in _catalog_routes(path)),
            Route("/jobs", jobs.list_jobs),
            Route("/jobs/{job}", jobs.get_job),
            Route("/jobs/{job}", jobs.post_job, methods=["POST"]),
            Route(settings.healthcheck_route, health.readiness),
            *docs_page.routes(settings),
        ),
        middleware=[
            Middleware(RequestLog, quiet=settings.healthcheck_route),
            Middleware(Drain, limit=settings.payload_max_size + OVERHEAD),
            Middleware(cors.Cors, **cors.options(settings.origins_allowed, settings.methods_allowed)),
            Middleware(
                Throttle,
                limiter=Limiter(client),
                all_requests=Limit(settings.rate_limit, settings.rate_limit_window_ms),
                writes=Limit(settings.media_api_rate_limit, settings.media_api_rate_limit_window_ms),
                trusted=networks(settings.trusted_proxies),
                exempt=settings.healthcheck_route,
            ),
            # What it answers is for everybody.
            Middleware(Direct, routes={k: v for path in _catalog_paths(settings) for k, v in _direct(path).items()}),
            Middleware(Authentication, tokens=settings.tokens(), private=_private_paths(settings)),
        ],
        exception_handlers=ERROR_HANDLERS,
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # To an address that is right for this process and for nobody outside.
    log = JobLog(client)
    app.state.context = Context(
        settings,
        process,
        entries,
        EntryReader(client),
        progress,
        storage,
        store,
        log,
        JobQueue(client, log),
        Uploads(claims, entries, storage, rules),
        Leftovers(claims, Reaper(claims, entries, storage)),
        asked,
        WholeList(entries),
    )
    return app


def _paths(*paths: str) -> list[str]:
    """Return different paths in their order: a configured one may be one of the usual ones."""
    return list(dict.fromkeys(paths))


def _catalog_paths(settings: CatalogSettings) -> list[str]:
    return _paths("/catalog", settings.route_catalog_get)


def _private_paths(settings: CatalogSettings) -> list[str]:
    routes = ("get-dump", "create-dump", "restore-dump")
    return ["/jobs", *(f"{path}/{route}" for path in _catalog_paths(settings) for route in routes)]


def _direct(path: str) -> dict[str, Answer]:
    return {f"{path}/?": listing.get_list, rf"{path}/(?P<uuid>[0-9A-Fa-f-]{{36}})/?": listing.get_entry}


def _slash_or_not(*routes: Route) -> list[Route]:
    """Return the routes, and each once more with a slash at the end: the older service took both for the same."""
    slashed = [
        Route(f"{route.path}/", route.endpoint, methods=route.methods, include_in_schema=False)
        for route in routes
        if not route.path.endswith("/")
    ]
    return [*routes, *slashed]


def _catalog_routes(path: str) -> list[Route]:
    return [
        Route(path, listing.get_list),
        Route(path, changes.post_entry, methods=["POST"]),
        Route(path, changes.patch_entries, methods=["PATCH"]),
        Route(path, changes.delete_entries, methods=["DELETE"]),
        Route(f"{path}/create-dump", dumps.create_dump, methods=["POST"]),
        Route(f"{path}/restore-dump", dumps.restore_dump, methods=["POST"]),
        Route(f"{path}/restore-dump/{{filename}}", dumps.restore_dump, methods=["POST"]),
        Route(f"{path}/get-dump/{{filename}}", dumps.get_dump),
        Route(f"{path}/{{uuid:entry}}", listing.get_entry),
        Route(f"{path}/{{uuid:entry}}", changes.patch_entry, methods=["PATCH"]),
        Route(f"{path}/{{uuid:entry}}", changes.delete_entry, methods=["DELETE"]),
    ]
