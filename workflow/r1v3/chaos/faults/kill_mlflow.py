"""MLflow's server hangs, then dies, while RL trains"""

import socket

from r1v3.chaos.tree import Tree


def strike(tree: Tree) -> None:
    """Accept connections and send nothing, then close them. Training must not wait for the server."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        tree.environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        call = tree.call()
        tree.training(call)
    call.wait()
