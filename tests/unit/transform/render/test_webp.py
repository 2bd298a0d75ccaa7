import io

from PIL import Image

from services.transform.render import pipeline
from services.transform.render.guard import Limits
from services.transform.render.plan import Plan


def test_transparency_and_animation_are_kept() -> None:
    transparent = Image.new("RGBA", (40, 30), (255, 0, 0, 100))
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    for save, expected in (
        (lambda out: transparent.save(out, "PNG"), ("RGBA", 1)),
        (lambda out: frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100), ("RGB", 2)),
    ):
        out = io.BytesIO()
        save(out)
        made = Image.open(io.BytesIO(pipeline.render(out.getvalue(), Plan(), Limits()).content))
        assert (made.mode, getattr(made, "n_frames", 1)) == expected
