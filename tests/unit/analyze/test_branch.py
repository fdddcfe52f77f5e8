"""A branch compared with its parent: the results that it reads, its page, and its copy in MLflow."""

import pytest
from made_up_results import build_tree
from made_up_studies import write_needs
from page_reader import without_tags

from r1v3.analyze.mlflow.describe import changes_from_like, descriptions
from r1v3.analyze.studies.branch import write_branch
from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.branches import branch_needs, branch_study, page_name, pair
from r1v3.recipe.graph.copies import Copies
from r1v3.recipe.graph.targets import Targets

BRANCH = "rl_tenth_rate"


def test_a_branch_is_compared_with_the_run_that_it_is_like(graph):
    assert pair(graph, BRANCH) == (BRANCH, "rl")
    assert pair(graph, "rl_hard_tenth_rate") == ("rl_hard_tenth_rate", "rl_hard")
    assert pair(graph, "rl_hard-of-rl_longer") == ("rl_hard", "rl_longer")


@pytest.mark.parametrize(
    ("branch", "parent", "said"),
    [
        ("rl_tenth_rat", None, "did you mean 'rl_tenth_rate'"),
        (BRANCH, "rl_hrd", "did you mean 'rl_hard'"),
        ("rl", None, "core path"),
        (BRANCH, "base", "only a run that sft or grpo trains can be a branch"),
        (BRANCH, BRANCH, "are one run"),
    ],
)
def test_what_cannot_be_compared_is_told(graph, branch, parent, said):
    with pytest.raises(RecipeError, match=said):
        page_name(graph, branch, parent)


def test_it_needs_both_runs_their_probes_and_scores_at_equal_steps(graph):
    needed = branch_needs(graph, BRANCH)
    ids = {graph.run(name).id for name in ("rl", BRANCH)}
    assert {node.id for node in needed.runs} == ids
    assert {node.resolved["run"] for node in needed.probes} == ids
    steps = {
        run: {
            node.resolved["checkpoint"]
            for node in needed.evaluations
            if node.resolved["run"] == run and node.name == "held_out"
        }
        for run in ids
    }
    assert list(steps.values()) == [{"step-000050"}] * 2


def test_supervised_branches_are_compared_without_probes(graph):
    needed = branch_needs(graph, "final_all")
    assert not needed.probes
    assert {node.resolved["checkpoint"] for node in needed.evaluations} == {"last"}
    assert branch_study(graph, "final_all").by_step == []


def test_a_branch_s_copy_asks_nothing_of_the_core_path(graph, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    targets = Targets(graph)
    copies = Copies(targets, "-0123456789")
    receipt = copies.branch(BRANCH)
    assert receipt == f"results/mlflow-branch-{BRANCH}-0123456789.json"
    copy = receipt.removeprefix("results/").removesuffix(".json")
    assert copies.page_of(copy) == BRANCH
    assert copies.page_of("mlflow-studies-0123456789") == ""
    assert copies.before(copy) == []
    wanted = {*copies.runs(copy), *copies.selections(copy), *copies.scores(copy)}
    assert wanted == set(targets.branch_results(BRANCH))


def test_a_run_says_how_it_differs_from_its_parent(graph):
    assert any("learning_rate" in each and "→" in each for each in changes_from_like(graph, BRANCH))
    assert changes_from_like(graph, "rl") == []
    tags = descriptions(graph)[graph.run(BRANCH).id]
    assert graph.project.runs[BRANCH].entry.why in tags["mlflow.note.content"]
    assert f"`snakemake results/runs/{BRANCH}.json`" in tags["mlflow.note.content"]
    assert "learning_rate" in tags["differs"]


@pytest.mark.slow
def test_its_page_has_paired_scores_settings_entropy_and_cost(tmp_path, graph):
    tree = build_tree(tmp_path, graph)
    write_needs(tree, branch_needs(graph, BRANCH), {"rl": 0.7, BRANCH: 0.4})
    output = tree.root / "results/branches" / f"{BRANCH}.html"
    write_branch(BRANCH, graph, root=tree.root, output=output)
    text = without_tags(output.read_text())
    assert "-30.0" in text  # paired: 40 % minus 70 %
    assert "settings.optimizer.learning_rate" in text
    assert "at step 50" in text
    assert "Entropy against accuracy over checkpoints" in text
    assert f"{BRANCH}, training" in text
    assert list((output.parent / BRANCH).glob("*mmmu-val*.svg"))
