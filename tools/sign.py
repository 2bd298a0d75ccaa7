"""`make sign`: sign an address with the first key of the system that runs on this machine, or of this environment."""

import os
import subprocess
import sys

from tools.stack.plan import ROOT
from tools.stack.running import Several, chosen


def main(arguments: list[str]) -> int:
    try:
        running = chosen(os.environ)
    except Several as several:
        print(several.choose("sign"), file=sys.stderr)
        return 2
    environment = running.services["transform"] if running and "transform" in running.services else os.environ
    command = [sys.executable, "-m", "services.transform.sign", *filter(None, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
