"""The miniatures of the benchmarks test different skills, and share no digit images with training."""

import itertools
import re
from pathlib import Path

import pytest
from evaluation_fixtures import asked_entry, write_benchmark

from r1v3.evaluate.items.load import load_items
from r1v3.recipe.tables.benchmarks import load_table

ROOT = Path(__file__).parents[3]


def wording(question: str) -> str:
    """Return a question without its numbers, positions and domain."""
    question = re.sub(r"(top|bottom) (left|right)", "PLACE", re.sub(r"\d+", "#", question))
    question = re.sub(r"on the (top|bottom|left|right)", "on the LINE", question)
    return re.sub(r"^[A-Z][a-z ]+\. ", "", question)


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Return each benchmark's metric, whether it has clusters, and its questions by form."""
    found = {}
    for name, entry in load_table(ROOT / "config" / "benchmarks.yaml").items():
        folder = tmp_path_factory.mktemp(name)
        tsv = write_benchmark(folder, name, entry, items=40, seed=1)
        items = load_items(asked_entry(entry), tsv)
        kinds = {
            (wording(item.question), item.answer_type, len(item.options or ()), len(item.images))
            for item in items
        }
        hang = len({item.cluster for item in items}) < len(items)
        found[name] = {"metric": (entry.scorer, entry.code, hang), "kinds": kinds}
    return found


@pytest.mark.slow
def test_every_miniature_tests_something_else(asked):
    assert len(asked) == 20
    for one, other in itertools.combinations(asked, 2):
        a, b = asked[one], asked[other]
        shared = len(a["kinds"] & b["kinds"]) / len(a["kinds"] | b["kinds"])
        assert shared <= 0.5 or a["metric"] != b["metric"], (one, other, shared)


@pytest.mark.slow
def test_together_they_use_every_kind_of_metric_and_form(asked):
    forms = {kind[1] for each in asked.values() for kind in each["kinds"]}
    assert forms == {"mcq", "mcq_multi", "fill", "open"}
    options = {kind[2] for each in asked.values() for kind in each["kinds"]}
    assert {0, 2, 4, 5, 10} <= options
    assert {each["metric"][0] for each in asked.values()} == {
        "accuracy",
        "circular",
        "points",
        "code",
    }
