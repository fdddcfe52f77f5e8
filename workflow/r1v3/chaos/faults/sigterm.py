"""SIGTERM to all, and kill -9 after 30 seconds, while RL trains"""

import os
import signal
import subprocess

from r1v3.chaos.tree import Tree

SAYS = r"SIGTERM: saved after step|taken|going on after step"


def strike(tree: Tree) -> None:
    """Behave like a cluster that takes its machine back: the step must be finished and the state saved."""
    call = tree.call()
    tree.training(call)
    os.killpg(call.process.pid, signal.SIGTERM)
    try:
        call.process.wait(30)
    except subprocess.TimeoutExpired:
        call.kill()
