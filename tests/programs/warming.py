"""How soon after the answer to an upload its presets are at the edge: the source of the numbers in docs/jobs.md.

    python -m tests.programs.warming [UPLOADS]

A whole system with two transform processes. Pictures of 700 kB (2400x1600) are uploaded one after the other, each when
the one before is warm. Then all presets are asked for: none may be anything but a HIT.
"""

import io
import json
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from PIL import Image

from tests.processes.system import System, get_as_is
from tests.support.photographs import CHINA
from tests.support.waits import wait_until

PRESETS = {"thumb": "200x200", "card": "400x0", "hero": "1600x0"}


def photograph() -> bytes:
    out = io.BytesIO()
    Image.open(CHINA).resize((2400, 1600), Image.Resampling.LANCZOS).save(out, "JPEG", quality=92)
    return out.getvalue()


def warm_at(system: System, asset: str) -> float | None:
    """Return when the worker had asked for all presets of an asset, as seconds since the epoch."""
    for line in system.log("jobs").splitlines():
        if f'"event":"warmed","asset":"{asset}"' in line:
            return datetime.fromisoformat(json.loads(line)["time"]).timestamp()
    return None


def main(uploads: int) -> None:
    content = photograph()
    settings = {"PRESETS": ";".join(f"{name}:{form}" for name, form in PRESETS.items()), "WARM": ",".join(PRESETS)}
    with tempfile.TemporaryDirectory() as folder:
        system = System(Path(folder), settings, transform_workers=2)
        try:
            system.start()
            lags, misses = [], 0
            for number in range(uploads):
                asset = f"/DEV/photo{number}.webp"
                file = (f"photo{number}.jpg", content)
                answer = system.api.post("/file", files={"file": file}, data={"namespace": "DEV"})
                answered = time.time()
                assert answer.status_code == 200, answer.text
                wait_until(lambda asset=asset: warm_at(system, asset) is not None)
                lags.append((warm_at(system, asset) or 0.0) - answered)
                paths = [f"/assets/media/optimise/{name}{asset}" for name in PRESETS]
                states = [get_as_is(system.ports.edge, path).headers["x-cache-status"] for path in paths]
                misses += len(states) - states.count("HIT")
        finally:
            system.stop()
    lags.sort()
    p50, p95 = (lags[int(uploads * share)] for share in (0.5, 0.95))
    print(f"{uploads} uploads of {len(content)} bytes: p50 {p50:.2f} s, p95 {p95:.2f} s, longest {lags[-1]:.2f} s")
    print(f"presets that were no HIT: {misses}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
