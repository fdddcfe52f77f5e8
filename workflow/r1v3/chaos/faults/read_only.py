"""results become read-only before the evaluation answers"""

from r1v3.chaos.faults._mounts import mounted, no_mounts
from r1v3.chaos.tree import Tree

AGAIN = ("answers",)
SAYS = r"read-only; have it mounted for writing"
possible = no_mounts


def strike(tree: Tree) -> None:
    """Mount the folder of answers over itself as read-only. Later it is writable again."""
    with mounted(tree.answers, "--bind", "-o", "ro", str(tree.answers)):
        tree.call().wait()
