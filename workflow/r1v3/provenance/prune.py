"""Finds results that no configuration makes any more, measures disk use, and removes folders."""

import shutil
from pathlib import Path

from r1v3.provenance.graph import LineageGraph, key_of
from r1v3.provenance.result_folders import ResultFolder, is_configured, result_folders
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.outputs.config_file import folder_named


def unreached(root: Path, projects: list[ResultGraph]) -> list[ResultFolder]:
    """Return folders that no recipe makes, that DVC has not recorded, and that no kept result came from."""
    found = list(result_folders(root))
    kept = [
        f for f in found if f.dvc_file.exists() or any(is_configured(p, f.folder) for p in projects)
    ]
    lineage = LineageGraph.of(root)
    needed = {each for f in kept for each in (key_of(f), *lineage.above(key_of(f)))}
    return [f for f in found if key_of(f) not in needed]


def prune(root: Path, found: list[ResultFolder]) -> int:
    """Remove folders, and return the number of freed bytes."""
    freed = sum(size(each.path) for each in found)
    for each in reversed(found):
        shutil.rmtree(each.path)
    for folder in sorted((root / "results" / "evaluations").glob("**/"), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    return freed


def remove_dangling_links(root: Path) -> list[str]:
    """Remove stable names (`results/runs/<name>.json`) whose run is gone, and return them."""
    gone = []
    for path in sorted((root / "results" / "runs").glob("*.json")):
        try:
            folder = folder_named(path)
        except ValueError:
            continue  # the user's own file, or a damaged one, which Snakemake makes again
        if not (root / folder).exists():
            path.unlink()
            gone.append(path.relative_to(root).as_posix())
    return gone


def remove_from_mlflow(root: Path, found: list[ResultFolder]) -> int:
    """Delete the copies of removed runs and their checkpoints in the checkout's own MLflow; return how many.

    Deleted runs stay in MLflow's trash until `mlflow gc` frees their space.
    """
    removed = {each.id for each in found if each.folder.startswith("results/runs/")}
    database = root / "mlflow.db"
    if not removed or not database.exists():
        return 0
    from r1v3.analyze.mlflow.store import delete_runs

    return delete_runs(f"sqlite:///{database.resolve()}", removed)


def size(folder: Path) -> int:
    """Return the bytes on disk; a link into DVC's cache counts as the file that it points to."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def mebibytes(bytes: int) -> str:
    """Write a size in MiB."""
    return f"{bytes / 2**20:,.1f} MiB"
