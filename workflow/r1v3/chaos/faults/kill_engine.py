"""kill -9 of the engine while it answers the evaluation"""

from r1v3.chaos.tree import Tree, end

AGAIN = ("answers",)


def strike(tree: Tree) -> None:
    """Kill the answering process after it has begun."""
    call = tree.call()
    tree.wait_for(
        "answering", lambda: bool(tree.processes("scripts/evaluate.py", "--manifest")), call
    )
    folder = tree.answers / "responses"
    tree.wait_for(
        "an answer", lambda: any(folder.glob("*.jsonl")) or bool(call.process.poll()), call
    )
    for pid in tree.processes("scripts/evaluate.py"):
        if pid != call.process.pid:
            end(pid)
    call.wait()
