"""Run the jobs worker: python -m services.jobs

It has two other commands: `doctor` checks whether the worker can work, `backup FOLDER` makes a backup.
"""

import asyncio
import signal
import sys
from pathlib import Path

import uvloop

from services.core import doctor, unread
from services.core.observing import logs, tracing
from services.core.settings import load
from services.jobs import backup_command
from services.jobs.doctor import checks
from services.jobs.service import run
from services.jobs.settings import JobsSettings

signal.signal(signal.SIGHUP, signal.SIG_IGN)  # The worker has nothing to read again, so the signal does nothing.
settings = load(JobsSettings)
if sys.argv[1:] == ["doctor"]:
    sys.exit(doctor.main(settings, writes=True, more=checks(settings)))
match sys.argv[1:]:
    case ["backup", folder]:
        sys.exit(asyncio.run(backup_command.run(settings, Path(folder).absolute())))
    case ["backup", *_]:
        sys.exit("Name a folder: python -m services.jobs backup FOLDER")
logs.set_up("jobs", settings.log_format, settings.log_level)
unread.say(JobsSettings)
tracing.set_up("jobs", settings.otel_exporter_otlp_endpoint)
with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
    runner.run(run(settings))
