"""two Snakemakes in one tree"""

from r1v3.chaos.tree import Hung, Tree

SAYS = r"[Ll]ock"


def strike(tree: Tree) -> None:
    """Start a second one while RL trains; it must say that the first one lives, and leave it alone."""
    first = tree.call()
    tree.training(first)
    said = tree.unlock()
    if "stays" not in said:
        raise Hung(f"the lock of a living Snakemake was removed: {said}")
    if tree.call().wait() == 0:
        raise Hung("a second Snakemake ran beside the first one")
    if first.wait():
        raise Hung(f"the first one was disturbed: {first.said()[-600:]}")
