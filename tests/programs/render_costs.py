"""What renders cost beside what was estimated: the source of the numbers in services/transform/render/cost.py.

    python -m tests.programs.render_costs

It takes about a minute of processor time and writes a table: source, plan, seconds as estimated, seconds as measured.
"""

import io
import time

from PIL import Image

from services.core.assets import media_types
from services.transform.render import cost, pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan, tag
from services.transform.render.steps.blur import Blur
from tests.support.photographs import CHINA

SOURCES = (
    ("JPEG", media_types.JPEG, 1200, 800),
    ("JPEG", media_types.JPEG, 4000, 3000),
    ("JPEG", media_types.JPEG, 6000, 4000),
    ("PNG", media_types.PNG, 3000, 2000),
    ("WEBP", media_types.WEBP, 3000, 2000),
    ("AVIF", media_types.AVIF, 2000, 1000),
    ("GIF", media_types.GIF, 2000, 1000),
    ("TIFF", media_types.TIFF, 3000, 2000),
)
SIZES = (Plan(200), Plan(800), Plan(1600))
MORE = (
    Plan(1600, format="avif"),
    Plan(1600, format="jpeg"),
    Plan(1600, format="png"),
    Plan(1600, max_bytes=150_000),
    Plan(1600, format="jpeg", max_bytes=200_000),
    Plan(1600, effects=(Blur(1.0),)),
    Plan(800, 800, focus="smart"),
    Plan(),
    Plan(format="png"),
)


def main() -> None:
    photograph, limits = Image.open(CHINA).convert("RGB"), Limits()
    print(f"{'source':<18} {'plan':<34} estimated measured")
    for name, media_type, width, height in SOURCES:
        out = io.BytesIO()
        photograph.resize((width, height)).save(out, name)
        source = cost.Source(media_type, len(out.getvalue()), width, height)
        for plan in (*SIZES, *MORE) if (name, width) == ("JPEG", 4000) else SIZES:
            began = time.process_time()
            pipeline.render(out.getvalue(), plan, limits)
            measured, estimated = time.process_time() - began, cost.estimate(source, plan, limits)
            print(f"{name} {width}x{height:<8} {tag(plan):<34} {estimated:9.3f} {measured:8.3f}", flush=True)


if __name__ == "__main__":
    main()
