"""Real photographs, which ship inside two packages. They are found without loading these, which takes a second."""

from importlib.util import find_spec
from pathlib import Path


def _inside(package: str, *paths: str) -> list[Path]:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return [Path(spec.origin).parent / path for path in paths]


PHOTOGRAPHS = [
    *_inside("sklearn", "datasets/images/china.jpg", "datasets/images/flower.jpg"),
    *_inside("skimage", "data/astronaut.png", "data/coffee.png"),
]
CHINA, FLOWER, ASTRONAUT, COFFEE = PHOTOGRAPHS
