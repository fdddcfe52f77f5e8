"""What no table entry reaches any more, how much disk everything takes, and removing the former."""

import shutil
from pathlib import Path

from r1v3.provenance.found import Found, reached, result_folders
from r1v3.provenance.graph import Graph, key_of
from r1v3.recipe.graph.results import ResultGraph


def unreached(root: Path, projects: list[ResultGraph]) -> list[Found]:
    """Folders that no recipe makes, that git and DVC do not keep, and that nothing kept was made from."""
    found = list(result_folders(root))
    kept = [f for f in found if f.dvc_file.exists() or any(reached(p, f.folder) for p in projects)]
    graph = Graph.of(root)
    needed = {each for f in kept for each in (key_of(f), *graph.above(key_of(f)))}
    return [f for f in found if key_of(f) not in needed]


def prune(root: Path, found: list[Found]) -> int:
    """Remove these folders; return the bytes."""
    freed = sum(size(each.path) for each in found)
    for each in reversed(found):
        shutil.rmtree(each.path)
    for folder in sorted((root / "results" / "evaluations").glob("**/"), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return freed


def size(folder: Path) -> int:
    """Bytes on disk; a link into DVC's cache counts as what it points to."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def shown(bytes: int) -> str:
    return f"{bytes / 2**20:,.1f} MiB"
