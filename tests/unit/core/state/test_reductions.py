from dataclasses import asdict

import orjson

from services.core.state import reductions
from tests.support.entries import made_entry
from tests.support.reductions import a_reduction


def test_a_record_of_a_later_version_is_read_without_its_new_fields() -> None:
    made = a_reduction(made_entry())
    assert reductions.read(orjson.dumps({**asdict(made), "new": 1})) == made
