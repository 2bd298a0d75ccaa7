"""Write clients/python's client.py from its async_client.py: `python -m tools.python_client`.

Both clients have the same methods. What differs is how they carry requests: io_sync.py and io_async.py.
"""

import re
import subprocess
import sys

from tools.stack.plan import ROOT

SOURCE = ROOT / "clients/python/src/tada_client"
_WORDS = (
    (r"\bAsyncClient\b", "Client"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bAsyncBaseTransport\b", "BaseTransport"),
    (r"\bAwaitable\[None\]", "None"),
    (r"\bAwaitable, ", ""),
    (r"\bio_async\b", "io_sync"),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\basync (?=def|for|with)", ""),
    (r"\bawait ", ""),
)


def made(source: str) -> str:
    """Return the module of the client that waits, as ruff formats it."""
    _, _, code = source.partition("\n")
    for word, other in _WORDS:
        code = re.sub(word, other, code)
    text = '"""The client. This file is made from async_client.py: `python -m tools.python_client`."""\n' + code
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--quiet", "--stdin-filename", str(SOURCE / "client.py"), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return text


if __name__ == "__main__":
    (SOURCE / "client.py").write_text(made((SOURCE / "async_client.py").read_text()))
