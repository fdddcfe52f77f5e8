"""A result records the code that computed it: `r1v3.recipe.outputs.code`."""

import ast
import json
from pathlib import Path

import pytest

from r1v3.recipe.graph.identity import Node
from r1v3.recipe.outputs import code
from r1v3.recipe.outputs.code import ENTRY, Outdated, code_for, outdated, outdated_lines, rule_of

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "workflow/scripts"

SCORE = '''"""Scores."""

from typing import TYPE_CHECKING

from r1v3.reward.rules import is_right
from r1v3.recipe.errors import suggest

if TYPE_CHECKING:
    from r1v3.train import trainer


def score(answer):
    """Whether it is right."""
    from r1v3.reward import late  # a lazy import

    # A comment.
    return is_right(answer) and late.passes(answer)
'''
FILES = {
    "evaluate/score.py": SCORE,
    "evaluate/__init__.py": "",
    "reward/__init__.py": "",
    "reward/rules.py": "def is_right(answer):\n    return answer == 1\n",
    "reward/late.py": "def passes(answer):\n    return True\n",
    "reward/unused.py": "LIMIT = 1\n",
    "recipe/errors.py": "def suggest():\n    return 1\n",
    "train/trainer.py": "STEPS = 1\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Replace our package by a small one, and return a function that writes a file and clears the cache."""

    def write(name: str, text: str) -> None:
        path = tmp_path / "r1v3" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        code._module.cache_clear()
        code._code.cache_clear()

    monkeypatch.setattr(code, "HERE", tmp_path / "r1v3")
    for name, text in FILES.items():
        write(name, text)
    yield write
    code._module.cache_clear()
    code._code.cache_clear()


def test_each_rule_s_code_begins_where_its_script_calls():
    for rule, entry in ENTRY.items():
        tree = ast.parse((SCRIPTS / f"{rule}.py").read_text())
        called = {
            node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("r1v3.")
        }
        called = {name for name in called if not name.startswith(("r1v3.recipe", "r1v3.base"))}
        assert called == set(entry), rule
        assert code_for(rule, {}), rule


def test_a_rule_s_code_is_what_it_can_reach(package):
    assert set(code_for("score", {})) == {
        "r1v3.evaluate",
        "r1v3.evaluate.score",
        "r1v3.reward",
        "r1v3.reward.rules",
        "r1v3.reward.late",
    }


def test_real_scoring_reaches_graders_scorers_and_each_benchmark_s_own_code():
    found = set(code_for("score", {}))
    assert {"r1v3.reward.choice.letters", "r1v3.evaluate.scorers"} <= found
    assert "r1v3.evaluate.benchmarks.csvqa" in found  # imported by a name that is put together
    assert not [name for name in found if name.startswith(("r1v3.generate", "r1v3.recipe"))]


def test_an_engine_that_does_not_answer_is_no_part():
    vllm = "r1v3.generate.vllm.engine"
    assert vllm not in code_for("evaluate", {"generation": {"engine": "transformers"}})
    assert vllm in code_for("evaluate", {"generation": {"engine": "vllm"}})


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("evaluate/score.py", "# A comment.", "# Another one."),
        ("evaluate/score.py", "Whether it is right.", "Is it right?"),
        ("evaluate/score.py", "\n\n\ndef", "\n\n\n\ndef"),
        ("reward/unused.py", "1", "2"),
        ("recipe/errors.py", "1", "2"),
        ("train/trainer.py", "1", "2"),
    ],
)
def test_what_changes_no_result_changes_no_fingerprint(package, file, old, new):
    before = code_for("score", {})
    package(file, FILES[file].replace(old, new))
    assert code_for("score", {}) == before


@pytest.mark.parametrize(
    ("file", "module"),
    [("reward/rules.py", "r1v3.reward.rules"), ("reward/late.py", "r1v3.reward.late")],
)
def test_a_changed_grader_is_named(package, tmp_path, file, module):
    node = evaluation(tmp_path, code_for("score", {}))
    assert outdated([node], tmp_path) == []
    package(file, FILES[file].replace("return", "return not"))
    found = outdated([node], tmp_path)
    scores = f"{node.folder}/scores.json"
    assert found == [Outdated("score", scores, (module,))]
    assert outdated_lines(found) == [
        f"computed with other code: `--forcerun score` to redo {scores} (changed: {module})"
    ]


def test_a_result_from_before_this_note_is_not_judged(package, tmp_path):
    node = evaluation(tmp_path, None)
    assert outdated([node], tmp_path) == []
    (tmp_path / node.folder / "scores.json").write_text("[")
    assert outdated([node], tmp_path) == []


def test_one_line_a_rule_says_how_many():
    found = [Outdated("score", f"{place}/scores.json", tuple("abcde")) for place in ("x", "y", "z")]
    (line,) = outdated_lines(found)
    assert "to redo x/scores.json and 2 more (changed: a, b, c and 2 more)" in line


def test_a_folder_s_rule_follows_from_its_config():
    assert rule_of({"kind": "data", "document": {"set": {}, "questions": "q"}}) == "reject"
    assert rule_of({"kind": "data", "document": {"set": {}}}) == "prepare"
    assert rule_of({"kind": "probe", "document": {}}) == "select_checkpoint"


def evaluation(root: Path, noted: dict[str, str] | None) -> Node:
    resolved = {"run": "rl-0123456789", "checkpoint": "last", "name": "held_out"}
    node = Node("evaluation", "held_out", resolved, ())
    (root / node.folder).mkdir(parents=True)
    content = {"benchmarks": {}} | ({} if noted is None else {"code": noted})
    (root / node.folder / "scores.json").write_text(json.dumps(content))
    return node
