from pathlib import Path

import pytest

from services.core.addresses import saving
from services.core.assets import media_types
from services.core.errors import BadRequest
from tests.support.saved_names import REFUSED, TAKEN

LUA = Path(__file__).parents[4] / "gateway/nginx/tada/saving.lua"


@pytest.mark.parametrize("written", ["", "1", *TAKEN])
def test_a_name_that_can_be_saved_under_is_taken(written: str) -> None:
    saving.check({"download": written})
    saving.check({})


@pytest.mark.parametrize("written", REFUSED)
def test_what_is_no_name_of_a_file_is_refused_with_what_to_do(written: str) -> None:
    with pytest.raises(BadRequest, match="download is not a valid file name") as refused:
        saving.check({"download": written})
    assert "percent-encoded" in (refused.value.hint or "")


def test_the_gateway_knows_every_extension() -> None:
    [listed] = [line for line in LUA.read_text().splitlines() if line.startswith("for extension in")]
    known = set(listed.split('"')[1].split())
    assert {extension for kind in media_types.KNOWN.values() for extension in kind.extensions} <= known


def test_the_gateway_takes_names_of_the_same_length() -> None:
    assert f"BYTES_MAX = {saving.BYTES_MAX}\n" in LUA.read_text()
