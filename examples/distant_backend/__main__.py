"""Runs the backend on this machine alone: python -m examples.distant_backend --port 9000 --folder data/backend."""

import argparse
import os
from pathlib import Path

import uvicorn

from examples.distant_backend.app import make_app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.distant_backend", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="where files and dumps are kept")
    parser.add_argument(
        "--token",
        default=os.environ.get("BACKEND_TOKEN", ""),
        help="or BACKEND_TOKEN, which no list of processes shows",
    )
    versions = parser.add_mutually_exclusive_group()
    versions.add_argument(
        "--keep-versions", type=int, default=2, metavar="N", help="newest versions of a file that are kept (2)"
    )
    versions.add_argument(
        "--in-place", action="store_true", help="keep no versions: a new file takes the place of the old one"
    )
    given = parser.parse_args()
    if given.keep_versions < 1:
        parser.error("--keep-versions: expected 1 or more")
    app = make_app(given.folder.absolute(), given.token, 0 if given.in_place else given.keep_versions)
    uvicorn.run(app, host="127.0.0.1", port=given.port, access_log=False, log_level="warning")


main()
