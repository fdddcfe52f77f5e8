"""the clock jumps ahead by a day, and back, between two calls"""

import os
import time

from r1v3.chaos.tree import Tree

AGAIN = ("answers",)


def strike(tree: Tree) -> None:
    """Half of all files get times of tomorrow; what is complete must not be made again."""
    tomorrow = time.time() + 86400
    for path in sorted(tree.results.rglob("*")):
        if path.is_file() and tree.random.random() < 0.5:
            os.utime(path, (tomorrow, tomorrow))
