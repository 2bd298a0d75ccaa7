"""Settings of the transform service."""

from pydantic import Field

from services.core.settings import ServerSettings


class TransformSettings(ServerSettings):
    port: int = Field(3020, gt=0, lt=65536, description="Port to listen on.")
    render_threads: int = Field(
        1, gt=0, le=64, description="Renders at the same time in one process; one process per core is faster."
    )
    render_queue: int = Field(32, ge=0, description="Renders that may wait; one more is answered 503 at once.")
    delegated_storage_rate_limit: int = Field(
        0, ge=0, description="Reads of one asset from the storage in its window; 0 for no limit."
    )
    delegated_storage_rate_limit_window_ms: int = Field(
        30_000, gt=0, description="Window of DELEGATED_STORAGE_RATE_LIMIT in milliseconds."
    )
    side_max: int = Field(8192, gt=0, description="Largest width or height that may be asked for, in pixels.")
    source_pixels_max: int = Field(
        50_000_000, gt=0, description="Largest source that is decoded, in pixels, all frames counted."
    )
