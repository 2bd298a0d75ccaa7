from dataclasses import asdict

import orjson

from services.core.assets.reductions import Part
from services.core.state import reductions
from tests.support.entries import made_entry
from tests.support.reductions import a_reduction


def test_a_record_of_a_later_version_is_read_without_its_new_fields() -> None:
    made = a_reduction(made_entry(), smaller=(Part(4, 3, 504, 378),))
    later = {**asdict(made), "new": 1, "smaller": [{**asdict(made.smaller[0]), "new": 1}]}
    assert reductions.read(orjson.dumps(later)) == made


def test_a_record_of_before_has_one_picture() -> None:
    made = a_reduction(made_entry())
    before = {name: value for name, value in asdict(made).items() if name != "smaller"}
    assert reductions.read(orjson.dumps(before)) == made
