import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.storage.s3.upload import FilePart

CONTENT = bytes(range(256)) * 4


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("part") / "file"
    path.write_bytes(CONTENT)
    return path


Step = st.tuples(st.just("read"), st.integers(-1, 300)) | st.tuples(
    st.sampled_from(["set", "current", "end"]), st.integers(0, 50)
)


@given(st.integers(0, 1000), st.integers(0, 1000), st.lists(Step, max_size=12))
def test_a_part_of_a_file_reads_as_a_file_of_those_bytes(
    source: Path, start: int, length: int, steps: list[tuple[str, int]]
) -> None:
    like = io.BytesIO(CONTENT[start : start + length])
    length = len(like.getvalue())
    with FilePart(source, start, length) as part:
        for what, number in steps:
            if what == "read":
                assert part.read(number) == like.read(number)
            else:
                whence = {"set": os.SEEK_SET, "current": os.SEEK_CUR, "end": os.SEEK_END}[what]
                assert part.seek(number, whence) == like.seek(number, whence)
            assert part.tell() == like.tell()
        part.seek(0)
        assert part.readall() == like.getvalue()


def test_a_part_that_is_closed_holds_no_file(source: Path) -> None:
    part = FilePart(source, 0, 10)
    part.close()
    with pytest.raises(ValueError, match="closed file"):
        part.read(1)
