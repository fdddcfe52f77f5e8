"""a finished file is damaged"""

import re
import shutil

from r1v3.chaos.faults._damaging import NAMED, WAYS, damage, files_of, folder_of
from r1v3.chaos.tree import Hung, Tree

SAYS = NAMED
AGAIN = ()
KINDS = (
    "weights",
    "records",
    "pictures",
    "config",
    "manifest",
    "answers",
    "benchmark",
    "tokenizer",
)
CASES = tuple(f"{kind}, {way}" for kind in KINDS for way in WAYS)


def strike(tree: Tree, case: str) -> None:
    """`r1v3 verify` names the file and what to do; the next call, with that done, gives the same bytes."""
    kind, _, way = case.partition(", ")
    path = tree.random.choice(files_of(tree, kind))
    folder = folder_of(path, tree)
    damage(path, way, tree)
    code, said = tree.r1v3("verify", str(folder))
    if code != 1 or path.name not in said:
        raise Hung(f"{path}: {way}, and `r1v3 verify` ended with {code}: {said[-400:]}")
    tree.heard.append(said)
    # What the line says. The config of a folder is written again by Snakemake.
    if kind in ("manifest", "config"):
        path.unlink()
    else:
        made = re.search(r"`snakemake (\S+)` makes it again", said)
        if not made:
            raise Hung(f"no line says what makes {folder} again: {said[-400:]}")
        tree.targets.append(made[1])
        shutil.rmtree(folder)
    tree.hurt.add(str(folder.relative_to(tree.results)))
