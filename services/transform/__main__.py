"""Run the transform service: python -m services.transform"""

from services.core import logs, server, tracing
from services.core.settings import load
from services.transform.app import make_app
from services.transform.settings import TransformSettings

settings = load(TransformSettings)
logs.set_up("transform", settings.log_format, settings.log_level)
tracing.set_up("transform", settings.otel_exporter_otlp_endpoint)
server.serve(make_app(settings), settings)
