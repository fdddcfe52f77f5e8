"""A benchmark that may not be trained on is refused as a source of training questions."""

from pathlib import Path

import pytest

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.tables.benchmarks import load_table
from r1v3.recipe.tables.licences import refuse_benchmarks
from r1v3.recipe.tables.sources import Files, Hub

TABLE = load_table(Path(__file__).parents[3] / "config" / "benchmarks.yaml")


def hub(name: str, *files: str) -> Hub:
    return Hub(kind="hub", id=name, revision="main", files=list(files))


def files(*places: str) -> Files:
    return Files(kind="files", places=list(places))


@pytest.mark.parametrize(
    "source",
    [
        hub("AI4Math/MathVista", "data/testmini-*.parquet"),
        hub("somebody/copies", "MathVista_MINI.tsv"),
        files("https://opencompass.openxlab.space/utils/VLMEval/MathVista_MINI.tsv"),
        files("https://host/datasets/AI4Math/MathVista/resolve/main/data/testmini.parquet?x=1"),
        files("data/mathvista/rows.jsonl"),
        files("data/my_math-vista_rows.jsonl"),
    ],
)
def test_mathvista_is_known_by_its_data_set_address_or_file(source):
    with pytest.raises(ValueError, match=r"mathvista_mini .* may not be trained on: CC BY-SA 4.0"):
        refuse_benchmarks("mine", source, TABLE)


def test_an_entry_by_a_benchmarks_name_is_refused_too():
    with pytest.raises(ValueError, match="may not be trained on"):
        refuse_benchmarks("mathvista", files("data/rows.jsonl"), TABLE)


@pytest.mark.parametrize(
    "source",
    [
        hub("FanqingM/MMK12", "data/train-*.parquet"),
        hub("MathLLMs/MathVision", "test.parquet"),
        files("data/math.jsonl", "data/vistas.jsonl"),
    ],
)
def test_other_sources_and_benchmarks_that_allow_it_pass(source):
    refuse_benchmarks("mine", source, TABLE)


def test_a_recipe_that_trains_on_mathvista_does_not_load(checkout):
    vista = hub("AI4Math/MathVista", "data/*.parquet")

    def add(sources):
        sources["vista"] = sources["mmk12"] | {"where": vista.model_dump()}

    def use(recipe):
        sources = [entry["source"] for entry in recipe["data"].values() if "source" in entry]
        next(s for s in sources if s.get("entries") == ["mmk12"])["entries"] = ["vista"]

    checkout.edit("sources.yaml", add)
    checkout.graph("paper")  # listed, and used by nobody
    checkout.edit("recipes/paper.yaml", use)
    with pytest.raises(RecipeError, match=r"sources.yaml: vista: mathvista_mini .*not be trained"):
        checkout.graph("paper")
