"""How many files and connections this process may have open: as many as the machine lets it.

Most systems start a process with a soft limit of 1024, for old programs that cannot handle more. Each waiting answer
holds a connection, and each upload a connection and a file.
"""

import resource

MOST = 65536
"""More is of no use here. The hard limit can be infinite, which no kernel grants as a soft limit."""


def raise_limit() -> int:
    """Raise the soft limit of open files as far as possible, and return it. Child processes inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft
