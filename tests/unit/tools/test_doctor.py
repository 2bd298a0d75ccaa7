from pathlib import Path

from tools.doctor import _chosen
from tools.stack.running import Running

ONE, OTHER = (Running(pid, Path(f"/data/{pid}"), {}) for pid in (7, 9))


def test_the_only_system_that_runs_is_meant() -> None:
    assert _chosen([ONE], {}) is ONE
    assert _chosen([], {}) is None


def test_of_several_the_data_folder_says_which() -> None:
    assert _chosen([ONE, OTHER], {"DATA_DIR": "/data/9"}) is OTHER
    assert _chosen([ONE], {"DATA_DIR": "/data/9"}) is None
    asked = _chosen([ONE, OTHER], {})
    assert isinstance(asked, str)
    assert "make doctor DATA_DIR=/data/7" in asked
