"""Versions and the trash while Redis, catalog and jobs are killed: a short form of what `make soak-changes` does."""

from collections.abc import Callable

from tests.processes.system import System
from tests.programs.soak_undo import SETTINGS, UndoStorm, bring_back_all

CHANGES = 400


def test_whatever_is_killed_nothing_is_lost_and_everything_comes_back(make_system: Callable[..., System]) -> None:
    system = make_system(**SETTINGS)
    storm = UndoStorm(system, CHANGES)
    storm.run()
    seen = storm.seen
    assert seen.kills >= 3
    assert len(seen.acknowledged) > CHANGES // 10
    assert min(seen.kinds.get(kind, 0) for kind in ("upload", "replace", "delete", "restore", "undelete")) > 0, (
        seen.kinds
    )
    assert seen.acknowledged <= bring_back_all(system)
