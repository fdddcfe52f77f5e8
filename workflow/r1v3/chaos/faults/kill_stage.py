"""kill -9 of a stage's launcher while RL trains"""

from r1v3.chaos.tree import Tree, end

SAYS = r"going on after step|taken|another process"


def strike(tree: Tree) -> None:
    """Kill torchrun, which leaves its ranks running. Snakemake sees a failed job."""
    call = tree.call()
    tree.training(call)
    for pid in tree.processes("workflow/scripts/grpo.py"):
        if pid not in tree.ranks() and pid != call.process.pid:
            end(pid)
    call.wait()
