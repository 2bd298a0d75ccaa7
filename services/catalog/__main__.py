"""Run the catalog service: python -m services.catalog (with doctor behind it: look whether it could)"""

import logging
import signal
import sys

from services.catalog.app import make_app
from services.catalog.settings import CatalogSettings
from services.core import doctor
from services.core.observing import logs, tracing
from services.core.serving import server
from services.core.settings import load, read

# Until there are tokens that it can read again, it ends nothing.
signal.signal(signal.SIGHUP, signal.SIG_IGN)
settings = load(CatalogSettings)
if sys.argv[1:] == ["doctor"]:
    sys.exit(doctor.main(settings, writes=True))
logs.set_up("catalog", settings.log_format, settings.log_level)
if not settings.tokens().principals:
    logging.getLogger("services.catalog").warning("no token is configured: everyone on this machine may write")
tracing.set_up("catalog", settings.otel_exporter_otlp_endpoint)
server.serve(make_app(settings, lambda: read(CatalogSettings).tokens()), settings)
