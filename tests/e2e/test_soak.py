"""A short form of `make soak`: half a minute in which every answer is looked at."""

from pathlib import Path

from tests.processes.system import System
from tests.programs import soak
from tests.support.load import Load


def test_under_mixed_load_every_answer_is_the_right_version_of_the_right_bytes(system: System, tmp_path: Path) -> None:
    load = Load(system, pause=0.005)
    load.prepare()
    samples = soak.run(system, load, minutes=1 / 3)
    found = soak.summary(load, samples)
    assert not found["wrong"], found["wrong"][:5]
    assert not found["not_answered"]
    assert found["acknowledged"] > 20
    assert {event.kind for event in load.events} == {*soak.READS, *soak.WRITES}
    assert 0 < found["hit_percent"] < 100
    assert all(one.memory["transform"] > 20 for one in samples)
    (tmp_path / "soak.svg").write_text(soak.plot(samples))
