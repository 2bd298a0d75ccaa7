"""Wiring of the catalog service: routes, middleware and the resources that live as long as it does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from services.catalog import files, health, listing
from services.catalog.auth import WriteToken
from services.catalog.context import Context
from services.catalog.settings import CatalogSettings
from services.catalog.spool import sweep_forever
from services.catalog.uploads import Rules, Uploads
from services.core import redis
from services.core.catalog import Catalog
from services.core.storage import open_storage
from services.core.variants import Variants
from services.core.web import ERROR_HANDLERS, RequestLog


def make_app(settings: CatalogSettings) -> Starlette:
    client = redis.connect(settings.redis_address)
    catalog = Catalog(client)
    storage = open_storage(settings)
    rules = Rules(settings.namespaces_allowed, frozenset(settings.valid_mimetypes), settings.public_base)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with catalog.alive():
            sweeping = asyncio.create_task(sweep_forever(storage.spool, catalog))
            yield
            sweeping.cancel()
        await client.aclose()

    app = Starlette(
        routes=[
            Route("/file", files.post_file, methods=["POST"]),
            Route("/upload", files.post_file, methods=["POST"]),
            Route("/files", files.post_files, methods=["POST"]),
            Route("/uploads", files.post_files, methods=["POST"]),
            Route("/file/{uuid}", files.patch_file, methods=["PATCH"]),
            Route("/file/{uuid}", files.delete_file, methods=["DELETE"]),
            Route("/catalog", listing.get_list),
            Route("/catalog/{uuid}", listing.get_entry),
            Route("/catalog/{uuid}", files.patch_entry, methods=["PATCH"]),
            Route(settings.healthcheck_route, health.readiness),
        ],
        middleware=[
            Middleware(RequestLog, quiet=settings.healthcheck_route),
            Middleware(WriteToken, token=settings.media_token.get_secret_value()),
        ],
        exception_handlers=ERROR_HANDLERS,
        lifespan=lifespan,
    )
    app.state.context = Context(settings, catalog, Variants(client), storage, Uploads(catalog, storage, rules))
    return app
