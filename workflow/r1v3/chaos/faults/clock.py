"""the clock jumps by a day between two calls"""

import os
import time

from r1v3.chaos.tree import Tree

AGAIN = ("answers",)
CASES = ("ahead", "back")


def strike(tree: Tree, case: str) -> None:
    """Give half of all files times of another day. Complete results must not be made again."""
    then = time.time() + (86400 if case == "ahead" else -86400)
    for path in sorted(tree.results.rglob("*")):
        if path.is_file() and tree.random.random() < 0.5:
            os.utime(path, (then, then))
