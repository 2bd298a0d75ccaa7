"""Hundreds of files that mean harm: what comes of each of them, how long it takes, and what it costs."""

import io
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from services.core.errors import Undecodable
from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan
from tests.processes.renderer import ENVIRONMENT
from tests.support.hostile_files import Hostile, corpus, small_files
from tests.support.pixels import decode
from tools.stack.plan import ROOT

SECONDS_MAX = 2.0
MEMORY_MAX = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    file: Hostile
    said: dict[str, Any]
    rendition: bytes | None


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """What one process made of all of them, one after the other."""
    folder, files = tmp_path_factory.mktemp("hostile"), corpus()
    for number, file in enumerate(files):
        (folder / f"{number:05}.source").write_bytes(file.content)
    command = [sys.executable, "-m", "tests.processes.renderer", str(folder), "64", "64"]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": ":".join(sys.path), **ENVIRONMENT}
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"it crashed at {files[len(lines)]}: {done.stderr[-2000:]}"
    return [
        Outcome(file, said, _read(folder / f"{said['file']}.rendition"))
        for file, said in zip(files, lines, strict=True)
    ]


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def test_there_are_hundreds_of_every_type(outcomes: list[Outcome]) -> None:
    counted = Counter(outcome.file.extension for outcome in outcomes)
    assert counted.total() > 1000
    assert min(counted.values()) >= 100


def test_each_is_refused_with_a_reason_or_is_a_picture(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.rendition is None:
            assert outcome.said["status"] == 422, outcome.file
            assert len(outcome.said["message"]) > 20, outcome.file
            assert len(outcome.said["hint"]) > 10, outcome.file
        else:
            assert max(decode(outcome.rendition).size) <= 64, outcome.file


def test_most_of_what_is_no_honest_picture_is_refused(outcomes: list[Outcome]) -> None:
    shown = {
        (outcome.file.extension, outcome.file.name)
        for outcome in outcomes
        if outcome.rendition and outcome.file.whole is None and not outcome.file.name.startswith("fuzzed")
    }
    # Cheap to show, and then no reason to refuse; or right: a claim of an SVG is a claim of nothing.
    allowed = {
        *(("svg", f"claims {size}") for size in ("30000x30000", "65535x65535", "100000x600", "8000x8000")),
        *(("svg", name) for name in ("190 deep", "a use of itself", "patterns of patterns", "filters", "a filter")),
        *(("svg", name) for name in ("dashes", "numbers", "a lying image within")),
        *(("pdf", f"page {box}") for box in ("0 0 1e9 1e9", "0 0 0 0", "0 0 -5 9", "0 0 nan nan")),
        *(("pdf", name) for name in ("deep states", "a form of itself", "a lying image within")),
        *(("png", name) for name in ("flat", "texts that unpack to 250 MB", "profile that unpacks to 50 MB")),
        *(("png", name) for name in ("20000 chunks", "10000 frames")),
        *(("jpg", name) for name in ("flat", "flat progressive", "4000 comments")),
        *(("tiff", name) for name in ("flat", "flat in one strip", "1500 pages", "a directory that follows itself")),
        ("avif", "flat 3500"),
        ("gif", "claims 0x0"),
    }
    assert shown <= allowed, shown - allowed


def test_none_takes_two_seconds(outcomes: list[Outcome]) -> None:
    # Processor time, as other tests may keep the machine busy. What takes none, waits for nothing: see the next.
    slow = {(o.file.extension, o.file.name): o.said["cpu"] for o in outcomes if o.said["cpu"] > SECONDS_MAX}
    assert not slow
    assert sum(o.said["seconds"] for o in outcomes) < 10 + 3 * sum(o.said["cpu"] for o in outcomes)


def test_no_process_has_ever_needed_300_mb(outcomes: list[Outcome]) -> None:
    assert outcomes[-1].said["peak_mb"] < MEMORY_MAX


def test_a_file_that_breaks_off_is_refused_unless_all_of_its_picture_is_there(outcomes: list[Outcome]) -> None:
    lengths: Counter[str] = Counter()
    for outcome in outcomes:
        if outcome.file.whole is None or outcome.rendition is None:
            continue
        kind = outcome.file.extension
        lengths[kind] += 1
        if kind != "gif":
            assert outcome.rendition == pipeline.render(outcome.file.whole, Plan(64, 64), Limits()).content, (
                outcome.file
            )
    # An end mark may be missing, and nothing more.
    assert lengths.keys() <= {"png", "gif", "pdf", "jpg"}
    assert lengths["jpg"] <= 2
    assert lengths["png"] <= 12
    assert lengths["pdf"] <= len(b"00\n%%EOF\n")  # All but the first digits of where its objects are.


def test_an_animation_that_breaks_off_is_shown_up_to_its_last_whole_frame_as_browsers_do() -> None:
    marks = [(220, 20, 20), (20, 200, 20), (20, 20, 220)]
    first, *others = (Image.new("RGB", (40, 30), mark).quantize(4) for mark in marks)
    content = io.BytesIO()
    first.save(content, "GIF", save_all=True, append_images=others, duration=80)
    whole, counts = content.getvalue(), []
    for length in range(1, len(whole)):
        try:
            rendered = pipeline.render(whole[:length], Plan(quality=90), Limits())
        except Undecodable:
            counts.append(0)
            continue
        shown = Image.open(io.BytesIO(rendered.content))
        counts.append(getattr(shown, "n_frames", 1))
        for at, mark in enumerate(marks[: counts[-1]]):
            shown.seek(at)
            pixels = np.asarray(shown.convert("RGB"), dtype=int)
            assert np.abs(pixels - mark).max() < 12, f"frame {at} of what is cut at {length}"
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2, 3}


RASTER = {extension: content for extension, content in small_files().items() if extension not in ("svg", "pdf")}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(sorted(RASTER)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 40), st.binary(max_size=40)), min_size=1, max_size=6),
    st.sampled_from([(0, 0), (3, 0), (3, 3), (64, 64)]),
)
def test_whatever_is_changed_in_a_file_it_is_refused_or_a_picture(
    extension: str, changes: list[tuple[int, int, bytes]], sides: tuple[int, int]
) -> None:
    content = bytearray(RASTER[extension])
    for at, length, replacement in changes:
        content[12 + at : 12 + at + length] = replacement
    try:
        rendered = pipeline.render(bytes(content), Plan(*sides), Limits())
    except Undecodable:
        return
    assert decode(rendered.content).size == (rendered.width, rendered.height)
