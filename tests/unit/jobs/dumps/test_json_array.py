import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.jobs.dumps import json_array
from services.jobs.dumps.json_array import NotAnArray, read_array

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
SMALL = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@SMALL
@given(values=st.lists(VALUES, max_size=8), chunk=st.integers(1, 30), indent=st.none() | st.integers(0, 3))
def test_a_list_is_read_whole_wherever_its_chunks_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: list[Any], chunk: int, indent: int | None
) -> None:
    monkeypatch.setattr(json_array, "_CHUNK", chunk)
    path = tmp_path / "list.json"
    path.write_text(json.dumps(values, indent=indent, ensure_ascii=indent is None), encoding="utf-8", newline="")
    assert list(read_array(path)) == values


@SMALL
@given(content=st.binary(max_size=40) | st.text(alphabet='[]{},:" \t\n0eE-.tfnul\\ué', max_size=40).map(str.encode))
def test_what_is_taken_for_a_list_is_one_for_every_other_reader(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(content)
    try:
        wanted = json.loads(content.decode("utf-8"))
        is_list = isinstance(wanted, list) and b"NaN" not in content and b"Infinity" not in content
    except ValueError:
        is_list = False
    if is_list:
        assert list(read_array(path)) == wanted
    else:
        with pytest.raises(NotAnArray):
            list(read_array(path))


def test_memory_is_that_of_one_value_and_a_value_has_an_end(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_bytes(b'["' + b"x" * (json_array.VALUE_MAX + (4 << 20)) + b'"]')
    with pytest.raises(NotAnArray):
        list(read_array(path))
    path.write_bytes(orjson.dumps(["x" * (json_array.VALUE_MAX // 2)] * 5))
    assert sum(1 for _ in read_array(path)) == 5
