"""A process that follows one run folder until it is told to end; sixteen of them share a database in a test.

python live_run.py <root> <tracking uri> <run id>
"""

import sys
import time
from pathlib import Path

from r1v3.analyze.follow import send_new
from r1v3.analyze.store import Store


def main() -> None:
    root, uri, run = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    folder = root / "results" / "runs" / run
    store, sent = Store(uri, "tiny"), 0
    until = time.monotonic() + 300
    while sent < 100 and time.monotonic() < until:
        sent += send_new(store, folder)
        time.sleep(0.05)
    print(sent)


if __name__ == "__main__":
    main()
