"""`r1v3 compare`: what differs between two runs, and nothing else."""

import pytest
from made_up_results import write_run

from r1v3.analyze.compare import compare_runs


def test_it_tells_recipe_ancestry_and_results(tree, documents):
    write_run(tree, "rl_minibatches")
    text = compare_runs(tree.root, "rl", "rl_minibatches")
    recipe = text[text.index("recipe") : text.index("made from")]
    assert [line.split() for line in recipe[1:-1]] == [
        ["settings.steps", "100", "->", "50"],
        ["settings.minibatches", "1", "->", "4"],
    ]
    assert text[text.index("made from") + 1] == "  nothing"
    assert text[text.index("code") + 1] == "  nothing"
    assert text[0] == f"A = {documents.run('rl').id}"


def test_a_run_compared_with_itself_differs_in_nothing(tree):
    text = compare_runs(tree.root, "rl", "rl")
    assert text.count("  nothing") == 3
    assert any("reward, last 10 steps" in line and "+0.0000" in line for line in text)


def test_a_run_that_is_not_there_is_named(tree):
    with pytest.raises(ValueError, match=r"there is no finished run 'rl_hard'; allowed: .*rl-"):
        compare_runs(tree.root, "rl", "rl_hard")
