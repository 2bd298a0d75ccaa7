import logging

import pytest

from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.libvips import Image
from services.transform.render.plan import Plan


def levels(caplog: pytest.LogCaptureFixture) -> set[int]:
    return {record.levelno for record in caplog.records if record.getMessage().startswith("VIPS:")}


def test_libvips_does_not_tell_what_it_is_doing(photos: dict[str, bytes], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pyvips")
    pipeline.render(photos["china.jpg"], Plan(width=200), Limits())
    assert levels(caplog) == set()


def test_libvips_tells_what_is_wrong(photos: dict[str, bytes], caplog: pytest.LogCaptureFixture) -> None:
    photo = photos["flower.jpg"]
    Image.jpegload_buffer(photo[: len(photo) // 2], fail_on="none").avg()
    assert levels(caplog) == {logging.WARNING}
