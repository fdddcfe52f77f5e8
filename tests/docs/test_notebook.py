"""The notebook docs/tutorial.ipynb runs from its first cell to its last, in its folder, on small results."""

import json
from pathlib import Path

import pandas as pd
import pytest
from made_up_results import ROOT, STEPS, build_tree

from r1v3.analyze.plots import write_plots
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"


def cells(kind: str) -> list[str]:
    content = json.loads(NOTEBOOK.read_text())
    assert content["nbformat"] == 4
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == kind]


@pytest.fixture
def results(tmp_path) -> Path:
    """Make a folder with small versions of a demo's results."""
    tree = build_tree(tmp_path, ResultGraph(load_project(ROOT, "tiny")))
    for manifest in tree.runs:
        name = manifest.parent.name.rpartition("-")[0]
        link = {"run": name, "folder": manifest.parent.relative_to(tmp_path).as_posix()}
        link |= json.loads(manifest.read_text())["facts"]
        (tmp_path / "results/runs" / f"{name}.json").write_text(json.dumps(link))
    rl = tree.folder(tree.graph.run("rl"))
    write_plots(
        run=rl / "manifest.json",
        selection=tree.selection,
        scores=tree.checkpoints,
        folder=tmp_path / "results/plots",
    )
    (rl / "rollouts").mkdir()
    for step in (1, 2):
        rows = {
            "step": [step, step],
            "text": ["a right one", "a wrong one"],
            "reward": [1.0, 0.2],
            "accuracy": [1.0, 0.0],
            "by": ["rule:letter", "rule:string"],
            "critical_positions": [[3, 9], []],
            "critical_entropies": [[0.5, 0.7], []],
        }
        pd.DataFrame(rows).to_parquet(rl / "rollouts" / f"step-{step:06d}.parquet")
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_every_cell_runs_and_figure_5_is_drawn(results, monkeypatch, capsys):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(results / "docs")
    known: dict[str, object] = {}
    try:
        for number, source in enumerate(cells("code")):
            exec(compile(source, f"cell {number}", "exec"), known)
        drawn = known["axes"].collections[0].get_offsets()
    finally:
        plt.close("all")
    assert len(drawn) == len(STEPS)
    said = capsys.readouterr().out
    assert f"Spearman's correlation over {len(STEPS)} checkpoints: +1.00" in said
    assert "step 2, reward 1.0 by rule:letter:\na right one" in said


def test_it_is_kept_without_outputs():
    content = json.loads(NOTEBOOK.read_text())
    made = [cell for cell in content["cells"] if cell.get("outputs") or cell.get("execution_count")]
    assert made == []
