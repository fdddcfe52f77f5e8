"""Snakemake's notes (.snakemake) are lost after everything died while RL trained"""

import shutil

from r1v3.chaos.tree import Tree

SAYS = r"going on after step|taken|rl-\w+: starting"


def strike(tree: Tree) -> None:
    """As a copy of results without hidden folders; what is complete must not be made again."""
    call = tree.call()
    tree.training(call)
    tree.lose_power(call)
    shutil.rmtree(tree.folder / ".snakemake")
