"""Run the catalog service: python -m services.catalog

It has two other commands: `doctor` checks whether the service can work, `adopt-storage` confirms that the storage is
the right one (see services/core/state/belonging.py).
"""

import asyncio
import logging
import signal
import sys

from services.catalog.app import make_app
from services.catalog.doctor import checks
from services.catalog.settings import CatalogSettings
from services.catalog.storage_adoption import adopt_storage
from services.core import doctor, unread
from services.core.observing import logs, tracing
from services.core.serving import server
from services.core.settings import load, read

# Until the tokens can be read again, the signal does nothing.
signal.signal(signal.SIGHUP, signal.SIG_IGN)
settings = load(CatalogSettings)
if sys.argv[1:] == ["doctor"]:
    sys.exit(doctor.main(settings, writes=True, more=checks(settings)))
if sys.argv[1:] == ["adopt-storage"]:
    sys.exit(asyncio.run(adopt_storage(settings)))
logs.set_up("catalog", settings.log_format, settings.log_level)
unread.say(CatalogSettings)
if not settings.tokens().principals:
    logging.getLogger("services.catalog").warning("no token is configured: everybody on this machine may write")
tracing.set_up("catalog", settings.otel_exporter_otlp_endpoint)
app = make_app(settings, lambda: read(CatalogSettings).tokens())
server.serve(app, settings, app.state.context.feed.close)
