"""one of two ranks stands still for half a minute while RL trains, and goes on"""

import signal
import time

from r1v3.chaos.tree import Hung, Tree, end


def strike(tree: Tree) -> None:
    """Suspend a rank, as a suspended machine does. The other must wait, and nothing is made again."""
    call = tree.call()
    tree.training(call)
    rank = tree.random.choice(tree.ranks())
    end(rank, signal.SIGSTOP)
    time.sleep(30)
    end(rank, signal.SIGCONT)
    if call.wait():
        raise Hung(f"RL did not wait for a rank that stood still: {call.said()[-600:]}")
