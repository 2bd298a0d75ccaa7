"""What the routes work with: made once at the start, the same for every request."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from starlette.requests import Request

from services.catalog.archives.archives import Archives
from services.catalog.feed.feed import Feed
from services.catalog.feed.history import History
from services.catalog.imports.records import Imports
from services.catalog.public_list import PublicList
from services.catalog.search.search import Search
from services.catalog.settings import CatalogSettings
from services.catalog.tickets.tickets import Tickets
from services.catalog.uploads.forms import Form, read_form
from services.catalog.uploads.moves import Moves
from services.catalog.uploads.uploads import Uploads
from services.catalog.whole_list import WholeList
from services.core.assets.addresses import Addresses
from services.core.assets.freshness import Lifetimes
from services.core.dumps.naming import DumpStore
from services.core.jobs.action_lists import ActionLists
from services.core.jobs.log import JobLog
from services.core.jobs.queue import JobQueue
from services.core.outward.client import Outward
from services.core.probes.health import Health
from services.core.serving.web import Answer
from services.core.state.connection import Redis
from services.core.state.entries import Entries
from services.core.state.entry_reader import EntryReader
from services.core.state.leftovers import Leftovers
from services.core.state.process import Process
from services.core.state.progress import Progress
from services.core.state.questions import Questions
from services.core.state.reductions import Reductions
from services.core.state.resumable import ResumableUploads
from services.core.state.retired import RetiredObjects
from services.core.state.usage import Room
from services.core.storage import Storage
from services.core.webhooks.registry import Registry


@dataclass(frozen=True, slots=True)
class Context:
    settings: CatalogSettings
    client: Redis
    process: Process
    entries: Entries
    retired: RetiredObjects
    reader: EntryReader
    progress: Progress
    storage: Storage
    dumps: DumpStore
    jobs: JobLog
    queue: JobQueue
    uploads: Uploads
    resumable: ResumableUploads
    tickets: Tickets
    archives: Archives
    moves: Moves
    leftovers: Leftovers
    room: Room
    health: Health
    whole_list: WholeList
    public_list: PublicList
    shown_as: str
    """What the pages of the catalog in the caches depend on."""
    search: Search
    action_lists: ActionLists
    feed: Feed
    history: History
    questions: Questions
    reductions: Reductions
    finding: asyncio.Lock
    """Held by the one action that finds its entries: they take much memory, and a thread that answers searches."""
    imports: Imports
    webhooks: Registry
    outward: Outward
    document: Answer

    @property
    def addresses(self) -> Addresses:
        return self.settings.addresses

    @property
    def lifetimes(self) -> Lifetimes:
        """How long a page may be kept. A CDN keeps it no longer than a browser: it is not purged of pages."""
        return replace(self.settings.lifetimes, cdn=0)

    def form(
        self, request: Request, file_field: str, max_files: int, max_size: int | None = None
    ) -> AbstractAsyncContextManager[Form]:
        """Read the request's form; see forms.read_form. `max_size` is in bytes, where files must be smaller."""
        return read_form(
            request,
            self.storage.spool,
            self.process.name,
            file_field,
            max_files,
            min(max_size or self.settings.payload_max_size, self.settings.payload_max_size),
        )


def context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found
