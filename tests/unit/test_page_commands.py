"""Every command that a page shows is run by a test, or the page says in its source why not."""

import re

import pytest

from tests.support.page_commands import Block, blocks, blocks_of, pages
from tools.stack.plan import ROOT

FILE = re.compile(r"\b(?:tests|integrations|clients)/[\w./-]+\.\w+")


def test_what_is_a_command_and_what_is_said_of_it_is_read() -> None:
    shown = "\n\n".join(
        [
            "# Page",
            "```\n$ curl a\nan answer\n$ curl b \\\n  -d '{\n}'\n```",
            "<!-- run by tests/x.py -->\n\n```sh\nls\n```",
            "1. x\n\n   <!-- not run: needs y -->\n   ```\n   make a    # why\n   make b\n   ```",
            "```\nsome text\n```",
            "```python\nprint()\n```",
        ]
    )
    here, tested, not_run = blocks_of(shown, "a.md")
    assert here.is_run_here
    assert not blocks_of("```\nnpm ci\n```\n", "a.md")[0].is_run_here
    assert list(here.steps()) == [("curl a", "an answer"), ("curl b \\\n  -d '{\n}'", "")]
    assert (tested.runner, not_run.reason) == ("tests/x.py", "needs y")
    assert not tested.is_run_here
    assert [command for command, _ in not_run.steps()] == ["make a    # why", "make b"]


def test_a_mark_at_the_head_is_that_of_the_whole_page() -> None:
    text = "# Page\n\n<!-- not run: needs a cluster -->\n\n```\nhelm a\n```\n"
    text += "\n<!-- run by tests/x.py -->\n```\nmake b\n```\n"
    of_page, of_block = blocks_of(text, "a.md")
    assert (of_page.reason, of_block.runner) == ("needs a cluster", "tests/x.py")


@pytest.mark.parametrize("page", pages())
def test_who_is_said_to_run_commands_does(page: str) -> None:
    for block in blocks(page):
        assert block.is_run_here or block.runner or block.reason, (
            f"{page}:{block.line}: say who runs it, or why nobody does"
        )
        if block.runner:
            test = ROOT / block.runner
            assert test.exists(), f"{page}:{block.line} names {block.runner}"
            name = page.rpartition("/")[2]
            assert name in test.read_text(), f"{block.runner} does not read {page}"
        for file in FILE.findall(block.reason):
            assert (ROOT / file).exists(), f"{page}:{block.line} names {file}"


def test_most_commands_are_found() -> None:
    found: list[Block] = [block for page in pages() for block in blocks(page)]
    assert len(found) > 130
    assert sum(block.is_run_here for block in found) > 5
