import pytest
from evaluation_fixtures import asked_entry, evaluation_config, write_benchmark, write_config
from page_reader import without_tags

from r1v3.evaluate.compare import Other, compare_models, comparison_table, protocol_table, scores_of
from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.pages.pages import write_pages
from r1v3.evaluate.score import score_evaluation
from r1v3.render.text_table import as_csv

NAMES = ("hallusionbench", "mmstar")


@pytest.fixture
def evaluated(table, tmp_path, stored):
    """Return benchmarks and verdict folders; model a is always right, and model b in the first half."""
    benchmarks, folders = {}, {model: tmp_path / model for model in "ab"}
    config = asked_config(table)
    for name in NAMES:
        folder = tmp_path / f"{name}-made"
        benchmarks[name] = write_benchmark(folder, name, table[name], items=40, seed=5)
        items = load_items(config.entries[name], benchmarks[name])
        for model, right in (("a", 40), ("b", 20)):
            texts = {
                (item.key, run): f"</think>\\boxed{{{item.golds[0] if n < right else 'none'}}}"
                for n, item in enumerate(items)
                for run in (0, 1)
            }
            stored(folders[model], name, texts)
    scores = {}
    for model, folder in folders.items():
        write_config(folder, config)
        where = {"benchmarks": benchmarks, "held_out": {}, "folder": folder}
        scores[model] = score_evaluation(config, responses=folder, **where)["benchmarks"]
    return benchmarks, {model: folder / "verdicts" for model, folder in folders.items()}, scores


def asked_config(table):
    entries = {name: asked_entry(table[name]) for name in NAMES}
    return evaluation_config(evaluation={"runs": 2, "resamples": 300}, entries=entries)


def test_scores_come_back_from_the_verdicts(evaluated):
    benchmarks, verdicts, scores = evaluated
    for name in NAMES:
        runs = scores_of(benchmarks[name], verdicts["b"], name)
        assert [run.value for run in runs] == scores["b"][name]["by_run"]


def test_models_are_compared_pair_by_pair_with_a_correction(evaluated):
    benchmarks, verdicts, _ = evaluated
    settings = {"resamples": 300, "confidence": 0.95, "seed": 1}
    others = [
        Other("b", verdicts["b"], list(NAMES)),
        Other("a again", verdicts["a"], ["mmstar"]),
    ]
    rows = compare_models(benchmarks, verdicts["a"], others, **settings)
    assert [row["difference"] for row in rows] == [0.5, 0.5, 0.0]
    assert [row["clusters"] for row in rows] == [10, 40, 40]
    assert rows[2]["p"] == 1.0
    assert all(row["p"] <= row["p_corrected"] for row in rows)
    assert rows[1]["p_corrected"] < 0.02
    titles = {"hallusionbench": "HallusionBench", "mmstar": "MMStar"}
    lines = [row[:4] for row in comparison_table(rows, "a", titles).rows]
    assert lines[1:] == [["MMStar", "b", "40", "50.0"], ["MMStar", "a again", "40", "0.0"]]


def test_pairs_that_all_differ_alike_promise_no_power():
    row = {"benchmark": "b", "against": "o", "difference": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}
    row |= {"clusters": 6, "shows": 0.0, "p_corrected": 1.0}
    table = comparison_table([row, row | {"shows": 0.125}], "m", {"b": "B"})
    assert [line[-1] for line in table.rows] == ["-", "12.5"]


def test_a_benchmark_without_verdicts_is_an_error(evaluated, tmp_path):
    benchmarks, _, _ = evaluated
    with pytest.raises(ValueError, match="no verdicts of mmstar"):
        scores_of(benchmarks["mmstar"], tmp_path, "mmstar")


def test_what_the_protocol_moves_is_told_rule_and_runs_apart():
    found = {"report": 0.760, "first_run": 0.750, "released": 0.765}
    scores = {"mmmu_val": {"protocols": found, "detectable_difference": 0.0564}}
    grid = protocol_table(scores, {"mmmu_val": "MMMU"})
    assert grid.rows == [["MMMU", "76.0", "75.0", "76.5", "+1.5", "+0.5", "5.6"]]
    assert as_csv(grid).splitlines()[1] == ",MMMU,76.0,75.0,76.5,+1.5,+0.5,5.6"


def test_all_pages_of_an_evaluation_are_written(evaluated, table, tmp_path):
    benchmarks, verdicts, _ = evaluated
    for model, asked in (("a", NAMES), ("b", ("mmstar",))):
        asked_of = asked_config(table).model_copy(update={"benchmarks": dict.fromkeys(asked, "x")})
        write_config(verdicts[model].parent, asked_of)
    index = write_pages(
        verdicts["a"].parent,
        benchmarks,
        table,
        tmp_path / "pages",
        name="a",
        against={"b": verdicts["b"].parent},
    )
    text = index.read_text()
    assert "another scale" in text
    assert {path.name for path in (tmp_path / "pages" / "errors").iterdir()} == {
        "hallusionbench.html",
        "mmstar.html",
    }
    names = ("table_1", "protocols", "hallucination", "comparison")
    assert all((tmp_path / "pages" / f"{name}.tex").is_file() for name in names)
    assert "MMStar b 40 50.0 " in without_tags(text)
    assert "HallusionBench b " not in without_tags(text)  # b was not asked
