"""What can be asked for and what a worker can do are the same."""

import inspect

import pytest

from services.core.jobs.kinds import KINDS
from services.jobs.queue.kinds import JOBS


def test_every_job_that_can_be_asked_for_has_a_worker_and_the_reverse() -> None:
    assert JOBS.keys() == KINDS.keys()


@pytest.mark.parametrize("name", KINDS)
def test_a_job_is_run_with_the_arguments_that_can_be_asked_for(name: str) -> None:
    [_, arguments] = inspect.signature(JOBS[name].run).parameters.values()
    assert issubclass(KINDS[name], arguments.annotation)
