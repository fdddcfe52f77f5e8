"""the terminal sends its signals to all while RL trains"""

import os
import signal
import subprocess
import time

from r1v3.chaos.tree import Tree

SIGNALS = {
    "Ctrl-C twice": (signal.SIGINT, signal.SIGINT),
    "its window is closed": (signal.SIGHUP,),
}
CASES = tuple(SIGNALS)
SAYS = r"saved after step|taken|going on after step|rl-\w+: starting"


def strike(tree: Tree, case: str) -> None:
    """Send the signals of an impatient or leaving user. After a minute, kill what is left."""
    call = tree.call()
    tree.training(call)
    for number in SIGNALS[case]:
        os.killpg(call.process.pid, number)
        time.sleep(0.5)
    try:
        call.process.wait(60)
    except subprocess.TimeoutExpired:
        call.kill()
