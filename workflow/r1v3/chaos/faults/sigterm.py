"""SIGTERM to all, and kill -9 after 30 seconds, while RL trains"""

import os
import signal
import subprocess

from r1v3.chaos.tree import Tree

SAYS = r"SIGTERM: saved after step|taken|going on after step"


def strike(tree: Tree) -> None:
    """As a cluster that takes its machine back: the step is ended, the state is saved."""
    call = tree.call()
    tree.training(call)
    os.killpg(call.process.pid, signal.SIGTERM)
    try:
        call.process.wait(30)
    except subprocess.TimeoutExpired:
        call.kill()
