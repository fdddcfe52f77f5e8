"""`r1v3 compare`: what differs between two runs, and nothing else."""

import json
import shutil

import pytest
from made_up_results import write_run

from r1v3.analyze.compare import compare_runs


def test_it_tells_recipe_ancestry_and_results(tree, graph):
    write_run(tree, "rl_minibatches")
    text = compare_runs(tree.root, "rl", "rl_minibatches")
    recipe = text[text.index("recipe") : text.index("made from")]
    assert [line.split() for line in recipe[1:-1]] == [
        ["settings.steps", "100", "->", "50"],
        ["settings.minibatches", "1", "->", "4"],
    ]
    assert text[text.index("made from") + 1] == "  nothing"
    assert text[text.index("code") + 1] == "  nothing"
    assert text[0] == f"A = {graph.run('rl').id}"


def test_a_run_compared_with_itself_differs_in_nothing(tree):
    text = compare_runs(tree.root, "rl", "rl")
    assert text.count("  nothing") == 3
    assert any("reward, steps 141 to 150" in line and "+0.0000" in line for line in text)
    assert not any("WARNING" in line for line in text)


def test_runs_of_unequal_length_are_compared_at_equal_steps(tree):
    write_run(tree, "rl_minibatches")
    folder = tree.root / tree.graph.run("rl_minibatches").folder
    lines = (folder / "metrics.jsonl").read_text().splitlines()[:50]
    rows = [json.loads(line) for line in lines]
    # At each step better than rl, and yet below what rl has after twice as many steps.
    rows = [row | {"reward": row["reward"] + 0.01} for row in rows]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for a, b, sign in (("rl", "rl_minibatches", "+"), ("rl_minibatches", "rl", "-")):
        text = compare_runs(tree.root, a, b)
        (row,) = [line for line in text if line.startswith("  reward, steps 41 to 50 ")]
        assert row.endswith(f"{sign}0.0100")
        (warning,) = [line for line in text if "Curves are compared at equal steps" in line]
        assert "up to step 50" in warning


def test_scores_at_unequal_steps_stand_apart_with_their_steps(tree):
    evaluation = tree.graph.evaluation("rl", "last", "held_out")
    other = tree.graph.evaluation("base", "last", "held_out")
    for node, score in ((evaluation, 0.5), (other, 0.4)):
        folder = tree.root / node.folder
        folder.mkdir(parents=True, exist_ok=True)
        scores = {"benchmarks": {}, "held_out": {"math": {"accuracy": score}}}
        (folder / "scores.json").write_text(json.dumps(scores))
    run = tree.root / tree.graph.run("base").folder / "manifest.json"
    content = json.loads(run.read_text())
    content["facts"]["steps"] = 700
    run.write_text(json.dumps(content))
    text = compare_runs(tree.root, "rl", "base")
    at = text.index("  WARNING: these scores are of checkpoints at unequal steps.")
    assert text[at + 1].startswith("  last held_out/math, steps 150 and 700 ")


def test_runs_without_a_step_in_common_show_no_mean(tree):
    write_run(tree, "rl_minibatches")
    folder = tree.root / tree.graph.run("rl_minibatches").folder
    (folder / "metrics.jsonl").write_text('{"step": 700, "reward": 0.5}\n')
    text = compare_runs(tree.root, "rl", "rl_minibatches")
    assert not any(line.startswith("  reward") for line in text)


def test_a_run_that_is_not_there_is_named(tree):
    with pytest.raises(ValueError, match=r"there is no finished run 'rl_hard'; allowed: .*rl-"):
        compare_runs(tree.root, "rl", "rl_hard")


@pytest.fixture
def elsewhere(tree, tmp_path):
    """Return a copy of the folder of `rl` in another checkout, and a function that changes its manifest."""
    run = tree.root / tree.graph.run("rl").folder
    copy = tmp_path / "elsewhere" / "results" / "runs" / run.name
    shutil.copytree(run, copy)

    def change(files: dict[str, str], **environment: object) -> str:
        for folder, digests in ((run, {"weights": "a" * 64}), (copy, files)):
            content = json.loads((folder / "manifest.json").read_text())
            machine = {"instructions": "AuthenticAMD avx2", "gpus": []}
            content["files"] = digests
            content["environment"] = {"commit": "c", "diff": "", "machine": machine}
            if folder == copy:
                content["environment"] |= environment
            (folder / "manifest.json").write_text(json.dumps(content))
        return "\n".join(compare_runs(tree.root, "rl", str(copy))).partition("\nso\n")[2]

    return change


def test_another_machine_s_numbers_are_told_from_changes(elsewhere):
    intel = {"instructions": "GenuineIntel avx512f", "gpus": []}
    assert elsewhere({"weights": "a" * 64}, machine=intel) == "  All files are equal."
    assert "1 files differ, more" in elsewhere({"weights": "a" * 64, "more": "c" * 64})
    said = elsewhere({"weights": "b" * 64}, machine=intel)
    assert "arithmetic is not: 1 files differ, weights first" in said
    assert "AuthenticAMD avx2  ->  GenuineIntel avx512f" in said
    assert "The code differs too" not in said
    assert "The code differs too" in elsewhere({"weights": "b" * 64}, machine=intel, commit="d")
    assert "the code is not" in elsewhere({"weights": "b" * 64}, commit="d")
    assert elsewhere({"weights": "b" * 64}).startswith("  WARNING: settings, code and arithmetic")


def test_other_settings_are_reason_enough(tree):
    write_run(tree, "rl_minibatches")
    text = compare_runs(tree.root, "rl", "rl_minibatches")
    assert text[-1] == "  Settings or ancestors differ, so results may."


def test_a_run_may_be_called_by_its_stable_name(tree):
    folder = tree.folder(tree.graph.run("rl")).relative_to(tree.root)
    stable = tree.root / "results/runs/rl.json"
    stable.write_text(json.dumps({"folder": str(folder), "manifest": f"{folder}/manifest.json"}))
    assert compare_runs(tree.root, str(stable), "base") == compare_runs(tree.root, "rl", "base")


def test_a_name_means_what_its_stable_name_says_though_a_newer_run_has_it(tree):
    stable = tree.folder(tree.graph.run("rl"))
    newer = stable.with_name("rl-ffffffffff")
    shutil.copytree(stable, newer)
    manifest = json.loads((newer / "manifest.json").read_text())
    (newer / "manifest.json").write_text(json.dumps(manifest | {"created": "2999-01-01T00:00:00Z"}))
    assert compare_runs(tree.root, "rl", "base")[0] == "A = rl-ffffffffff"
    folder = str(stable.relative_to(tree.root))
    content = json.dumps({"folder": folder, "manifest": f"{folder}/manifest.json"})
    (tree.root / "results/runs/rl.json").write_text(content)
    assert compare_runs(tree.root, "rl", "base")[0] == f"A = {stable.name}"
