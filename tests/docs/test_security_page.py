"""Each promise of docs/security.md names a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROMISE = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_each_promise_is_shown_by_a_test():
    rows = [
        line
        for line in (ROOT / "docs" / "security.md").read_text().splitlines()
        if line.startswith("|") and "`tests/" in line
    ]
    assert len(rows) > 20
    for row in rows:
        (found,) = PROMISE.findall(row)
        path, name = found
        assert re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.M), row
