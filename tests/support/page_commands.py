"""The commands that pages show to readers, and what is said in the source of a page about who runs them.

A block of requests has nothing before it, if tests/e2e/test_docs.py runs it in the shared system. Otherwise a comment
stands before it, or at the head of a page for all of its blocks:

    <!-- run by tests/e2e/test_x.py -->       the test reads the block out of the page
    <!-- not run: needs a cluster -->         and why; a test or a program that does the same may be named
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tools.stack.plan import ROOT

HEAD_LINES = 6
_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.DOTALL | re.MULTILINE
)
_MARK = re.compile(r"<!-- (?P<kind>run by|not run:) (?P<said>[^>]+?) -->")
_LANGUAGES = {"sh", "bash", "console", "shell"}
_PROGRAMS = (
    "aws", "cd", "composer", "curl", "docker", "export", "git", "grep", "helm", "kubectl", "make", "mv", "npm", "npx",
    "php", "pip", "pnpm", "python", "ssh-keygen", "sudo", "systemctl", "tada", "wget", "wp", "yarn",
)  # fmt: skip
_COMMAND = re.compile(rf"^(?:\$ |(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?(?:{'|'.join(_PROGRAMS)})\b|\./|for |set -)")


_FOLDERS = ("charts", "clients", "examples", "gateway", "integrations", "services")
_REQUESTS = ("curl ", "head ", "tail ", "echo ", ".venv/bin/python -m services.")


@dataclass(frozen=True, slots=True)
class Block:
    """Commands that a page shows together."""

    page: str
    line: int
    text: str
    runner: str = ""
    """The test that runs it, by its path."""
    reason: str = ""
    """Why it is not run."""

    @property
    def is_run_here(self) -> bool:
        """Return whether it is run in the shared system: it is of requests alone, and nothing else is said of it."""
        asks = all(command.startswith(_REQUESTS) for command, _ in self.steps())
        return asks and not self.runner and not self.reason

    def steps(self) -> Iterator[tuple[str, str]]:
        """Give each command with the output that is shown behind it."""
        text = self.text if self.text.startswith("$ ") else re.sub(r"^(?=\S)", "$ ", self.text, flags=re.MULTILINE)
        for step in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, lines = [], step.splitlines()
            while lines:
                command.append(lines.pop(0))
                if (
                    not command[-1].endswith("\\")
                    and command[0].count("'") % 2 == sum(line.count("'") for line in command[1:]) % 2
                ):
                    break
            yield "\n".join(command), "\n".join(lines)


def pages() -> list[str]:
    """Return the pages of the project, by their paths."""
    beside = [f"{folder}/{depth}/README.md" for folder in _FOLDERS for depth in ("*", "*/*")]
    found = {page for places in ("*.md", "docs/**/*.md", *beside) for page in ROOT.glob(places)}
    return sorted(str(page.relative_to(ROOT)) for page in found)


def blocks(page: str) -> list[Block]:
    """Return the blocks of commands of a page."""
    return blocks_of((ROOT / page).read_text(), page)


def blocks_of(text: str, page: str) -> list[Block]:
    head = _MARK.search("\n".join(text.splitlines()[:HEAD_LINES]))
    found = []
    for match in _BLOCK.finditer(text):
        shown = re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        if match["language"] not in _LANGUAGES and (match["language"] or not _COMMAND.match(shown)):
            continue
        before = text[: match.start()].rstrip().rpartition("\n")[2]
        mark = _MARK.fullmatch(before.strip()) or head
        kind, said = (mark["kind"], mark["said"]) if mark else ("", "")
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page, line, shown, said if kind == "run by" else "", said if kind == "not run:" else ""))
    return found
