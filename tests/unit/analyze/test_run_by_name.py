"""The commands that show one run find it by its name, as the tutorial calls them."""

import json

import pandas as pd
import pytest

from r1v3.cli.app import app


def call(*arguments):
    app(list(arguments), standalone_mode=False)


@pytest.mark.parametrize("called", ["rl", "results/runs/rl.json"])
def test_figure_draws_a_run_that_is_named(called, tree, monkeypatch):
    monkeypatch.chdir(tree.root)
    folder = tree.folder(tree.graph.run("rl")).relative_to(tree.root)
    stable = tree.root / "results/runs/rl.json"
    stable.write_text(json.dumps({"folder": str(folder), "manifest": f"{folder}/manifest.json"}))
    call("figure", called, "--output", "rl.svg")
    assert "<svg" in (tree.root / "rl.svg").read_text()


def test_browse_shows_the_run_of_the_stable_name_and_not_one_that_was_begun_later(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    runs = tmp_path / "results" / "runs"
    for name, samples in (("rl-0000000001", 3), ("rl-0000000002", 1)):
        folder = runs / name / "rollouts"
        folder.mkdir(parents=True)
        (runs / name / "config.json").write_text("{}")
        row = {
            "step": 1,
            "prompt": "q",
            "text": "\\boxed{4}",
            "finish": "stop",
            "critical_entropies": None,
            "reward": 1.0,
            "accuracy": 1.0,
            "format": 1.0,
            "by": "rule",
            "reason": "equal",
        }
        rows = pd.DataFrame([row | {"sample": n} for n in range(samples)])
        rows.to_parquet(folder / "step-000001.parquet")
    (runs / "rl.json").write_text(json.dumps({"folder": "results/runs/rl-0000000001"}))
    call("browse", "rl")
    assert "Best 3" in capsys.readouterr().out
    (runs / "rl.json").unlink()
    call("browse", "rl")
    assert "Best 1" in capsys.readouterr().out
