"""Settings of the transform service."""

from typing import Self

from pydantic import Field, model_validator

from services.core.settings import SIGNING_KEYS_EXPECTED, FormSettings, ServerSettings, Size
from services.transform.render.allowance import CLIENT_SECONDS
from services.transform.render.guard import Limits

_GATEWAY_SECONDS = 55
"""Less than proxy_read_timeout and proxy_cache_lock_timeout of the gateway (common.conf)."""


class TransformSettings(FormSettings, ServerSettings):
    service = "transform"
    port: int = Field(3020, gt=0, lt=65536, description="Port to listen on.")
    render_threads: int = Field(
        1,
        gt=0,
        le=64,
        description="Renders at the same time in one process. One process per core is faster than more threads.",
    )
    render_queue: float = Field(
        30,
        ge=0,
        le=3600,
        description="Work that may wait in one process: seconds of processor time, as estimated. More is answered 503.",
    )
    render_wait_seconds: float = Field(
        30,
        gt=0,
        le=60,
        description="Seconds that a request may wait for a thread. After that it is answered 503. Where it is not set, "
        "it is less if RENDER_SECONDS is over 12.5: nginx does not wait for longer.",
    )
    render_budget: float = Field(
        CLIENT_SECONDS,
        ge=0,
        description="Seconds of processor time that one client may use in one process for new forms; 0 is no budget. "
        "Beyond it a client waits behind others, beyond twice as much it is answered 429.",
    )
    render_seconds: float = Field(
        10, gt=0, le=60, description="Seconds that a render may take. After that it is stopped."
    )
    delegated_storage_rate_limit: int = Field(
        0,
        ge=0,
        description="Reads from the storage for one address (one size of one asset) per window; 0 is no limit.",
    )
    delegated_storage_rate_limit_window_ms: int = Field(
        30_000, gt=0, description="Window of DELEGATED_STORAGE_RATE_LIMIT in milliseconds."
    )
    source_bytes_max: Size = Field(64 * 1024 * 1024, description="Largest file that is rendered.")
    source_pixels_max: int = Field(50_000_000, gt=0, description="Largest source that is decoded, in pixels.")
    frames_max: int = Field(1000, gt=0, description="Largest number of frames of an animation that is rendered.")
    frame_pixels_max: int = Field(
        50_000_000, gt=0, description="Largest animation that is decoded, in pixels of all its frames."
    )
    decoder_memory: Size = Field(
        192_000_000, description="Memory for decoders that hold a whole frame: AVIF, WebP, GIF, interlaced files."
    )
    avif_pixels_max: int = Field(
        2_000_000, gt=0, description="Largest AVIF that is made, in pixels. Larger pictures become WebP."
    )
    draw_cpu_seconds: int = Field(
        1, gt=0, le=60, description="Seconds of processor time to draw an SVG or the page of a PDF."
    )
    draw_memory: Size = Field(192 * 1024 * 1024, description="Memory to draw an SVG or the page of a PDF.")

    @model_validator(mode="after")
    def _check_patience(self) -> Self:
        if self.waiting_seconds <= 0 or self.waiting_seconds + 2 * self.render_seconds > _GATEWAY_SECONDS:
            raise ValueError(
                f"RENDER_WAIT_SECONDS and twice RENDER_SECONDS: expected {_GATEWAY_SECONDS} together at most, because "
                "nginx waits for an answer no longer than a minute"
            )
        return self

    @model_validator(mode="after")
    def _check_signing(self) -> Self:
        if self.signed_urls and not self.signing_keys:
            raise ValueError(f"URL_SIGNING_KEYS: {SIGNING_KEYS_EXPECTED}")
        if self.signed_urls and self.cdn_seconds:
            raise ValueError(
                "CDN_SECONDS: expected 0 with SIGNED_URLS, because a CDN would answer an address for so long after its "
                "signature has expired"
            )
        return self

    @property
    def waiting_seconds(self) -> float:
        """How long a request may wait for a thread."""
        if "render_wait_seconds" in self.model_fields_set:
            return self.render_wait_seconds
        return min(self.render_wait_seconds, _GATEWAY_SECONDS - 2 * self.render_seconds)

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
