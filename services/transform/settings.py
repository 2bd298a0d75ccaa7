"""Settings of the transform service."""

from pydantic import Field

from services.core.settings import ServerSettings, Size
from services.transform.guard import Limits


class TransformSettings(ServerSettings):
    port: int = Field(3020, gt=0, lt=65536, description="Port to listen on.")
    render_threads: int = Field(
        1, gt=0, le=64, description="Renders at the same time in one process; one process per core is faster."
    )
    render_queue: int = Field(32, ge=0, description="Renders that may wait; one more is answered 503 at once.")
    render_wait_seconds: float = Field(
        0.5, gt=0, le=60, description="How long a render may wait for its turn; it is answered 503 then."
    )
    render_seconds: float = Field(10, gt=0, le=60, description="How long a render may take; it is stopped then.")
    delegated_storage_rate_limit: int = Field(
        0, ge=0, description="Reads of one asset from the storage in its window; 0 for no limit."
    )
    delegated_storage_rate_limit_window_ms: int = Field(
        30_000, gt=0, description="Window of DELEGATED_STORAGE_RATE_LIMIT in milliseconds."
    )
    side_max: int = Field(
        8192, gt=0, description="Largest width or height of an answer, in pixels; more cannot be asked for."
    )
    source_bytes_max: Size = Field(64 * 1024 * 1024, description="Largest file that is rendered.")
    source_pixels_max: int = Field(50_000_000, gt=0, description="Largest source that is decoded, in pixels.")
    frames_max: int = Field(1000, gt=0, description="Most frames of an animation that is rendered.")
    frame_pixels_max: int = Field(
        50_000_000, gt=0, description="Largest animation that is decoded, in pixels of all its frames."
    )
    decoder_memory: Size = Field(
        192_000_000, description="Memory for decoders that hold a whole frame: AVIF, WebP, GIF, interlaced files."
    )
    avif_pixels_max: int = Field(
        2_000_000, gt=0, description="Largest AVIF that is made, in pixels; larger pictures become WebP."
    )
    draw_cpu_seconds: int = Field(1, gt=0, le=60, description="Processor time to draw an SVG or the page of a PDF.")
    draw_memory: Size = Field(192 * 1024 * 1024, description="Memory for the same.")

    @property
    def limits(self) -> Limits:
        """The bounds of one render."""
        return Limits(
            source_bytes=self.source_bytes_max,
            pixels=self.source_pixels_max,
            frames=self.frames_max,
            frame_pixels=self.frame_pixels_max,
            decoder_bytes=self.decoder_memory,
            avif_pixels=self.avif_pixels_max,
            side=self.side_max,
            cpu_seconds=self.draw_cpu_seconds,
            memory=self.draw_memory,
        )
