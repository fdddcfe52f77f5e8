"""Writes a miniature with the benchmark's own columns and structure, drawn from the tiny world."""

from pathlib import Path

import pandas as pd

from r1v3.base.atomic_write import atomic_write
from r1v3.evaluate.miniature import general, mathematics, science
from r1v3.evaluate.miniature.draw import Drawer
from r1v3.recipe.graph.configs import MiniatureFile


def write_miniature(name: str, file: MiniatureFile, seed: int, path: Path) -> int:
    """Write the TSV and return its number of rows. Composites are not split.

    Raises:
        ValueError: there is no miniature for the benchmark.
    """
    writers = [getattr(module, name, None) for module in (general, mathematics, science)]
    writer = next((writer for writer in writers if writer is not None), None)
    if writer is None:
        raise ValueError(f"no miniature is known for the benchmark {name!r}")
    rows = writer(Drawer(name, file.domains, file.tasks, seed), file.items or 100)
    with atomic_write(path) as partial:
        pd.DataFrame(rows).fillna("").to_csv(partial, sep="\t", index=False)
    return len(rows)
