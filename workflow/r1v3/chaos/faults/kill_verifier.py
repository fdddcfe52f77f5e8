"""the verifier dies while RL trains"""

from r1v3.chaos.tree import Tree

SAYS = r"verifier|unjudged"


def strike(tree: Tree) -> None:
    """Refuse connections from a random step on. RL must stop, because it never guesses a verdict."""
    call = tree.call()
    tree.training(call)
    tree.verifier.die()
    call.wait()
    tree.verifier.live()
