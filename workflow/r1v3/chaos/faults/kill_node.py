"""kill -9 of everything while RL trains, as a node that dies"""

from r1v3.chaos.tree import Tree

SAYS = r"going on after step|taken|rl-\w+: starting"
AGAIN = ("rl", "answers")


def strike(tree: Tree) -> None:
    """Kill Snakemake and everything that it started, including the ranks in their own sessions."""
    call = tree.call()
    tree.training(call)
    tree.lose_power(call)
