"""kill -9 of one of two ranks while RL trains"""

from r1v3.chaos.tree import Tree, end

SAYS = r"going on after step|taken|another process"


def strike(tree: Tree) -> None:
    """Kill one rank. torchrun ends the other, and Snakemake sees a failed job."""
    call = tree.call()
    tree.training(call)
    tree.wait_for("two ranks", lambda: len(tree.ranks()) == 2, call)
    end(tree.random.choice(tree.ranks()))
    call.wait()
