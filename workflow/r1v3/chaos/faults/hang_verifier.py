"""the network to the verifier hangs while RL trains, and comes back"""

from r1v3.chaos.tree import Hung, Tree


def strike(tree: Tree) -> None:
    """Accept requests without replying for some seconds, then drop them. RL must ask again and continue."""
    call = tree.call()
    tree.training(call)
    tree.verifier.hang()
    tree.wait_for("a request", lambda: tree.verifier.waiting.acquire(blocking=False), call)
    tree.pause(8)
    tree.verifier.live()
    if call.wait():
        raise Hung(f"RL did not wait for a server that hung: {call.said()[-600:]}")
