"""Wiring of the catalog service: routes, middleware and the resources that live as long as it does."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import orjson
from starlette.applications import Starlette
from starlette.middleware import Middleware

from services.catalog import metrics, openapi
from services.catalog.archives.archives import Archives
from services.catalog.context import Context
from services.catalog.doctor import checks
from services.catalog.feed.feed import Feed
from services.catalog.feed.history import History
from services.catalog.gate import Gate
from services.catalog.imports.fetching import Fetcher
from services.catalog.imports.importer import Importer, consumers
from services.catalog.imports.records import Imports
from services.catalog.keyring import Keyring
from services.catalog.middleware import cors
from services.catalog.middleware.drain import Drain
from services.catalog.middleware.throttle import Throttle
from services.catalog.middleware.tus import Tus
from services.catalog.operations import hot, not_limited, operations, paths, routes
from services.catalog.public_list import PublicList
from services.catalog.routes import docs_page
from services.catalog.routes.tickets import DIRECT
from services.catalog.search.search import Search
from services.catalog.settings import CatalogSettings
from services.catalog.tickets.tickets import Tickets
from services.catalog.tokens import Tokens
from services.catalog.uploads.forms import OVERHEAD
from services.catalog.uploads.moves import Moves
from services.catalog.uploads.spool import sweep_forever
from services.catalog.uploads.uploads import Rules, Uploads
from services.catalog.whole_list import WholeList
from services.core import spool
from services.core.assets.quotas import NO_QUOTAS
from services.core.clients import networks
from services.core.dumps.stores import open_dumps
from services.core.jobs.action_lists import ActionLists
from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.outward.client import Outward
from services.core.probes import checkup
from services.core.probes.health import of_writer
from services.core.probes.internal import Internal
from services.core.probes.reports import Reporter
from services.core.serving.request_log import RequestLog
from services.core.serving.web import ERROR_HANDLERS, Direct, JsonResponse
from services.core.state import cancellation, connection, older_redis
from services.core.state.addresses import NotedAddresses
from services.core.state.archives import ArchiveRecords
from services.core.state.belonging import Belonging
from services.core.state.changes import ChangeLog
from services.core.state.claims import Claims
from services.core.state.counting import Counting
from services.core.state.doubts import Doubts
from services.core.state.entries import Entries
from services.core.state.entry_reader import EntryReader, finding
from services.core.state.leftovers import Leftovers, keep_tidy
from services.core.state.process import Process
from services.core.state.progress import Progress
from services.core.state.questions import Questions
from services.core.state.rate_limits import Limit, Limiter
from services.core.state.reaper import Reaper
from services.core.state.reductions import Reductions
from services.core.state.resumable import ResumableUploads
from services.core.state.retired import RetiredObjects
from services.core.state.stale_claims import StaleClaims
from services.core.state.tickets import TicketRecords
from services.core.state.usage import Room
from services.core.storage import Marked, ReplacesInPlace, open_storage
from services.core.webhooks.registry import Registry

if TYPE_CHECKING:
    from services.catalog.oidc.people import People


def make_app(settings: CatalogSettings, read_tokens: Callable[[], Tokens] | None = None) -> Starlette:
    """Return the service. `read_tokens` is called at the start, every few seconds and at each SIGHUP. By default, the
    tokens are those of `settings`."""
    client = connection.connect(settings.redis_address)
    changes = ChangeLog(client)
    feed, questions = Feed(changes), Questions(client)
    process, progress, log = Process(client), Progress(client, feed.take), JobLog(client)
    storage = open_storage(settings)
    # Where files are replaced in place, the storage has the new file before the entry: a write cannot be refused.
    limits = NO_QUOTAS if isinstance(storage, ReplacesInPlace) else settings.quotas
    entries, claims = Entries(client, settings.undo, limits), Claims(client, process)
    reaper = Reaper(claims, StaleClaims(client, process, claims), Doubts(client), entries, storage)
    store = open_dumps(settings, storage)
    rules = Rules(
        settings.namespaces_allowed,
        frozenset(settings.valid_mimetypes),
        settings.use_stripmetadata,
        settings.convert_to_webp,
    )

    belonging = Belonging(client, storage, makes=True)
    noted = NotedAddresses(client, settings.shown_as)
    if not isinstance(storage, Marked):
        spool.prepare(storage.spool)

    leftovers, room = Leftovers(reaper), Room(client, settings.quotas)
    uploads = Uploads(claims, reaper, entries, storage, rules, room)
    moves = Moves(process, claims, reaper, entries, storage)
    search = Search(entries, changes, settings.search_folder, settings.search_index_max)
    imports, outward = Imports(client, log), Outward(settings.outward)
    fetcher = Fetcher(outward, storage.spool, process.name, settings.import_seconds, settings.payload_max_size)
    importer = Importer(imports, fetcher, settings.outward, uploads, entries, changes, search, leftovers)
    importing = consumers(client, process, importer) if settings.imports else ()
    asked = of_writer(client, storage, belonging)
    reporter = Reporter(client, settings.service, process.name, asked, settings.data_folder_path)
    internal = Internal("catalog", settings, asked, [search.sample, partial(metrics.sample, room, settings.quotas)])

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await internal.open()
        await storage.open()
        await store.open()
        await belonging.begin()
        await noted.begin()
        async with process.alive(), progress.following(), log.following(), questions.following():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, keyring.reload)
            upkeep = [
                asyncio.create_task(belonging.keep()),
                asyncio.create_task(noted.keep()),
                asyncio.create_task(sweep_forever(storage.spool, process)),
                asyncio.create_task(keep_tidy(claims)),
                asyncio.create_task(search.run()),
                asyncio.create_task(older_redis.say(client)),
                asyncio.create_task(Counting(client).keep()),
                asyncio.create_task(keyring.keep()),
                *([asyncio.create_task(people.keep())] if people else []),
                *(asyncio.create_task(consumer.run()) for consumer in importing),
            ]
            internal.started = True
            async with reporter.reporting(), checkup.answering(client, settings, checks(settings), writes=True):
                yield
            await cancellation.end(upkeep)
            outward.close()
            await search.close()
            await uploads.close()
            await moves.close()
            await leftovers.close()
        if people:
            await people.close()
        await internal.close()
        await store.close()
        await storage.close()
        await client.aclose()

    keyring, offered = Keyring(read_tokens or settings.tokens), operations(settings)
    people = _people(settings)
    gate = Gate(keyring, people)
    protected = not gate.is_open
    described = openapi.document(settings, paths(offered, protected=protected), protected=protected)
    app = Starlette(
        routes=routes(offered, gate),
        middleware=[
            Middleware(RequestLog, quiet=settings.healthcheck_route),
            Middleware(Tus),
            Middleware(Drain, limit=settings.payload_max_size + OVERHEAD),
            Middleware(
                cors.CorsOf,
                path=DIRECT,
                of_path=cors.of_pages(settings.origins_allowed),
                of_others=cors.options(settings.origins_allowed, settings.methods_allowed, protected=protected),
            ),
            Middleware(
                Throttle,
                limiter=Limiter(client),
                all_requests=Limit(settings.rate_limit, settings.rate_limit_window_ms),
                writes=Limit(settings.media_api_rate_limit, settings.media_api_rate_limit_window_ms),
                trusted=networks(settings.trusted_proxies),
                exempt=not_limited(offered),
            ),
            Middleware(Direct, routes=hot(offered)),
        ],
        exception_handlers=ERROR_HANDLERS,
        lifespan=lifespan,
    )
    reader = EntryReader(client, finding)
    app.router.redirect_slashes = False  # A redirect would name an address of this process.
    app.state.context = Context(
        settings,
        client,
        process,
        entries,
        RetiredObjects(client),
        reader,
        progress,
        storage,
        store,
        log,
        JobQueue(client, log),
        uploads,
        ResumableUploads(client, storage),
        Tickets(TicketRecords(client), gate, settings.ticket_signing_keys),
        Archives(ArchiveRecords(client), reader, storage, gate),
        moves,
        leftovers,
        room,
        asked,
        WholeList(entries, settings.addresses),
        PublicList(entries, settings.addresses, settings.public_view),
        settings.shown_as,
        search,
        ActionLists(client),
        feed,
        History(changes),
        questions,
        Reductions(client, claims),
        asyncio.Lock(),
        imports,
        Registry(client),
        outward,
        docs_page.fixed(orjson.dumps(described), JsonResponse.media_type),
    )
    return app


def _people(settings: CatalogSettings) -> "People | None":
    if not settings.oidc_issuer:
        return None
    from services.catalog.oidc.people import People

    return People(settings)
