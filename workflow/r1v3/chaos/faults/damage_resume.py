"""a file that RL goes on from is damaged while nothing runs"""

from r1v3.chaos.faults._damaging import WAYS, damage
from r1v3.chaos.tree import Tree

KINDS = {
    "state": "*.pt",
    "its seal": "step-*.json",
    "episode": "episode-*.parquet",
    "samples": "sampled-*.jsonl",
    "curve": "../metrics.jsonl",
    "copy of the curve": "metrics.jsonl",
}
CASES = tuple(KINDS)
SAYS = r"damaged|going on after step|no JSON|cannot be read|rl-\w+: starting|taken"


def strike(tree: Tree, case: str) -> None:
    """Kill the node, damage one file of `resume/` or the curve, and start again."""
    call = tree.call()
    tree.training(call)
    tree.lose_power(call)
    paths = sorted((tree.rl / "resume").glob(KINDS[case]))
    if paths:
        damage(tree.random.choice(paths), tree.random.choice(WAYS), tree)
