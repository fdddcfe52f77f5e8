"""a finished file is cut, overwritten with zeros, or loses a bit"""

import re
import shutil
from pathlib import Path

from r1v3.chaos.faults._damaging import (
    KINDS,
    NAMES_THE_FILE,
    WAYS,
    damage,
    damaged_folder,
    files_of,
)
from r1v3.chaos.tree import Hung, Tree

SAYS = NAMES_THE_FILE
AGAIN = ()
CASES = tuple(KINDS)


def strike(tree: Tree, case: str) -> None:
    """`r1v3 verify` must name the file each time. After the last time, do what its line says."""
    *others, last = tree.random.sample(WAYS, len(WAYS))
    for way in others:
        path, whole, _ = _damaged(tree, case, way)
        path.write_bytes(whole)
    path, _, said = _damaged(tree, case, last)
    folder = damaged_folder(path, tree)
    made = re.search(r"`snakemake (\S+)` (makes|writes) it again", said)
    if made:
        tree.targets.append(made[1])
    elif case != "manifest":
        raise Hung(f"no line says what makes {folder} again: {said[-400:]}")
    if case in ("manifest", "config"):
        path.unlink()
    else:
        shutil.rmtree(folder)
    tree.hurt.add(str(folder.relative_to(tree.results)))


def _damaged(tree: Tree, kind: str, way: str) -> tuple[Path, bytes, str]:
    """Damage a file. Return it, the bytes that it had, and the output of `r1v3 verify`."""
    path = tree.random.choice(files_of(tree, kind))
    whole = path.read_bytes()
    damage(path, way, tree)
    code, said = tree.r1v3("verify", str(damaged_folder(path, tree)))
    if code != 1 or path.name not in said:
        raise Hung(f"{path}: {way}, and `r1v3 verify` ended with {code}: {said[-400:]}")
    tree.heard.append(said)
    return path, whole, said
