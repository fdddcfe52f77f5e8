"""kill -9 of Snakemake alone while RL trains"""

from r1v3.chaos.tree import Tree, end

# The trainer keeps running. The next call waits for it, and uses its result.
SAYS = r"another process is still at it|was finished before and is taken|going on after step"


def strike(tree: Tree) -> None:
    """Kill only Snakemake. Its jobs get no signal."""
    call = tree.call()
    tree.training(call)
    end(call.process.pid)
    call.process.wait()
