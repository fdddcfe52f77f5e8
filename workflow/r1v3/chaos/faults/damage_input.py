"""what RL reads is damaged"""

import shutil

from r1v3.chaos.faults._damaging import NAMES_THE_FILE, WAYS, damage, damaged_folder, files_of
from r1v3.chaos.tree import Hung, Tree

SAYS = NAMES_THE_FILE
CASES = ("weights", "records", "pictures")


def strike(tree: Tree, case: str) -> None:
    """RL must refuse to begin, with file, reason and remedy. Deleting the folder makes everything again."""
    path, way = tree.random.choice(files_of(tree, case)), tree.random.choice(WAYS)
    damage(path, way, tree)
    call = tree.call("results/runs/rl.json")
    if call.wait() == 0:
        raise Hung(f"{path}: {way}, and RL read it without a word")
    folder = damaged_folder(path, tree)
    shutil.rmtree(folder)
    tree.hurt.add(str(folder.relative_to(tree.results)))
