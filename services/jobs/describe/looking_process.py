"""The process that looks at one picture: its bytes on the input, what they show as JSON on the output. See looking.py.

Arguments: media type, seconds of processor time, bytes of memory, most pixels.
"""

import json
import os
import resource
import sys

SVG = "image/svg+xml"


def main(media_type: str, cpu_seconds: int, memory: int, pixels: int) -> None:
    _shut_in(cpu_seconds, memory)
    source = sys.stdin.buffer.read()
    try:
        said = _of_drawing(source) if media_type == SVG else _of_picture(source, media_type, pixels)
    except Exception as error:  # noqa: BLE001 - decoders raise whatever they like
        said = {"error": f"{type(error).__name__}: {error}"[:200]}
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()


def _shut_in(cpu_seconds: int, memory: int) -> None:
    os.nice(10)  # Nobody waits for it: whoever is served on the same machine goes first.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


# Imported where they are used: within the limits, and no more than the picture at hand needs.
def _of_drawing(source: bytes) -> dict[str, object]:
    from services.jobs.describe.svg_size import size_of

    width, height = size_of(source) or (None, None)
    return {"width": width, "height": height}


def _of_picture(source: bytes, media_type: str, pixels: int) -> dict[str, object]:
    from services.jobs.describe.picture import seen

    return seen(source, media_type, pixels)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
    # Nothing is left to be tidied up, and tidying can crash on what a file has done.
    os._exit(0)
