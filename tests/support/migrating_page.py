"""The page about migrating, which tests follow."""

import re

from tools.stack.plan import ROOT

_PAGE = (ROOT / "docs" / "migrating.md").read_text()


def block_after(chapter: str, words: str) -> str:
    """Return the block of commands that follows some words of a chapter."""
    text = _PAGE.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    [found] = re.findall(r"\A.*?```\n(.*?)```", text.partition(words)[2], re.DOTALL)
    return str(found)
