"""Snakemake's notes (.snakemake) are lost after everything died while RL trained"""

import shutil

from r1v3.chaos.tree import Tree

SAYS = r"going on after step|taken|rl-\w+: starting"


def strike(tree: Tree) -> None:
    """Remove hidden folders, as copying results may do. Complete results must not be made again."""
    call = tree.call()
    tree.training(call)
    tree.lose_power(call)
    shutil.rmtree(tree.folder / ".snakemake")
