"""Run the jobs worker: python -m services.jobs"""

import asyncio

import uvloop

from services.core import logs, tracing
from services.core.settings import load
from services.jobs.service import run
from services.jobs.settings import JobsSettings

settings = load(JobsSettings)
logs.set_up("jobs", settings.log_format, settings.log_level)
tracing.set_up("jobs", settings.otel_exporter_otlp_endpoint)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(run(settings))
