"""Settings of the transform service."""

from pydantic import Field

from services.core.settings import ServerSettings


class TransformSettings(ServerSettings):
    port: int = Field(3020, gt=0, lt=65536, description="Port to listen on.")
    render_threads: int = Field(
        1, gt=0, le=64, description="Renders at the same time in one process; one process per core is faster."
    )
    render_queue: int = Field(32, ge=0, description="Renders that may wait; one more is answered 503 at once.")
    side_max: int = Field(8192, gt=0, description="Largest width or height that may be asked for, in pixels.")
    source_pixels_max: int = Field(
        50_000_000, gt=0, description="Largest source that is decoded, in pixels, all frames counted."
    )
