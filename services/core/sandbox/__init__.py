"""Runs code that reads files of strangers in a process that can be ended at any time.

Decoders are written in C and cannot be stopped in the middle of their work. The process is given the bytes, or the
path of a file to read, and nothing else. It has no open files, and nothing of the environment but where programs,
libraries and fonts are. As far as the kernel allows, it has no network, cannot change a file, and cannot reach other
processes. It can read what the service can read. Its task limits its processor time and memory.

`process` is the side of the service, `python -m services.core.sandbox` is the side of the child.

`pool` has children that are used for several sources each.

The work is a module with one function: `answer(order, source)` gets a JSON object and the bytes, and returns a JSON
object and bytes. It raises Refusal for a reason that may be shown to the owner of the file.
"""


class Refusal(Exception):
    """The work cannot be done with this file."""
