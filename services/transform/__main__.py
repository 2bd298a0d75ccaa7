"""Run the transform service: python -m services.transform (with doctor behind it: look whether it could)"""

import signal
import sys

from services.core import doctor, unread
from services.core.observing import logs, tracing
from services.core.serving import server
from services.core.settings import load
from services.transform.app import make_app
from services.transform.doctor import checks
from services.transform.settings import TransformSettings

signal.signal(signal.SIGHUP, signal.SIG_IGN)  # It reads nothing again, and ends nothing.
settings = load(TransformSettings)
if sys.argv[1:] == ["doctor"]:
    sys.exit(doctor.main(settings, writes=False, more=checks(settings)))
logs.set_up("transform", settings.log_format, settings.log_level)
unread.say(TransformSettings)
tracing.set_up("transform", settings.otel_exporter_otlp_endpoint)
server.serve(make_app(settings), settings)
