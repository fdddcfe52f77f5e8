"""Starts processes that each follow one run folder until all of it is sent; tests share one database.

    python live_runs.py <root> <tracking uri> <rows of a run> <run id>...

They are forked after MLflow's import, which takes most of their time, and before it has opened anything.
"""

import os
import sys
import time
from importlib import import_module
from pathlib import Path

from r1v3.analyze.mlflow.live import send_new
from r1v3.analyze.mlflow.store import MlflowStore


def follow(folder: Path, uri: str, rows: int) -> int:
    """Send the rows of a run, and return their number; give up after five minutes."""
    store, sent = MlflowStore(uri, "tiny"), 0
    until = time.monotonic() + 300
    while sent < rows and time.monotonic() < until:
        sent += send_new(store, folder)
        time.sleep(0.3)
    return sent


def main() -> None:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    import_module("mlflow.store.tracking.sqlalchemy_store")
    root, uri, rows, runs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    for run in runs:
        if os.fork() == 0:
            sent = follow(root / "results" / "runs" / run, uri, rows)
            print(f"{run}: {sent} rows sent", flush=True)
            os._exit(int(sent != rows))
    failed = sum(os.waitstatus_to_exitcode(os.wait()[1]) != 0 for _ in runs)
    sys.exit(f"{failed} of {len(runs)} failed" if failed else 0)


if __name__ == "__main__":
    main()
