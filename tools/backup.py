"""`make backup`: a backup of the TADA of `make run`, while it runs. See services/jobs/backup.py, which makes it."""

import os
import subprocess
import sys

from tools.stack.plan import ROOT
from tools.stack.running import Several, chosen


def main() -> int:
    """Back up to the folder BACKUP_DIR (`backups/` by default); return the exit status."""
    try:
        running = chosen(os.environ)
    except Several as several:
        print(several.choose("backup"), file=sys.stderr)
        return 2
    environment = running.services.get("jobs") if running else None
    if environment is None:
        print("No backup was made. Start TADA first (make run): its jobs service makes the backup.", file=sys.stderr)
        return 1
    folder = os.environ.get("BACKUP_DIR") or str(ROOT / "backups")
    command = [sys.executable, "-m", "services.jobs", "backup", folder]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
