"""How many files and connections this process may have open: as many as the machine lets it.

Most systems start a process with a soft limit of 1024, for old programs that cannot handle more. Each waiting answer
holds a connection, and each upload a connection and a file.
"""

import resource

MOST = 65536
"""Beyond it nothing of ours would be of use any more. The hard limit can be without an end, which no kernel grants."""


def raise_limit() -> int:
    """Raise the soft limit of open files as far as it may be, and return it. Children get the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return soft
