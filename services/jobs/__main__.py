"""Run the jobs worker: python -m services.jobs (with doctor behind it: look whether it could)"""

import asyncio
import signal
import sys
from functools import partial

import uvloop

from services.core import doctor
from services.core.observing import logs, tracing
from services.core.settings import load
from services.jobs.doctor import nodes
from services.jobs.service import run
from services.jobs.settings import JobsSettings

signal.signal(signal.SIGHUP, signal.SIG_IGN)  # It reads nothing again, and ends nothing.
settings = load(JobsSettings)
if sys.argv[1:] == ["doctor"]:
    sys.exit(doctor.main(settings, writes=True, more=[partial(nodes, settings)]))
logs.set_up("jobs", settings.log_format, settings.log_level)
tracing.set_up("jobs", settings.otel_exporter_otlp_endpoint)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(run(settings))
