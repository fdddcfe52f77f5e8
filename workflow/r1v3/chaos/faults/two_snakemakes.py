"""two Snakemakes in one tree"""

import signal

from r1v3.chaos.tree import Hung, Tree, end

SAYS = r"is locked, and its Snakemake \(\S+\) may live"


def strike(tree: Tree) -> None:
    """Start a second one while RL trains. It must say that the first one may live, and not touch it."""
    first = tree.call()
    tree.training(first)
    ranks = tree.ranks()
    for (
        pid
    ) in ranks:  # otherwise RL may end before a second Snakemake has started on a busy machine
        end(pid, signal.SIGSTOP)
    try:
        second = tree.call()
        if second.wait() == 0:
            raise Hung(f"a second Snakemake ran beside the first one: {second.said()[-600:]}")
    finally:
        for pid in ranks:
            end(pid, signal.SIGCONT)
    if first.wait():
        raise Hung(f"the first one was disturbed: {first.said()[-600:]}")
