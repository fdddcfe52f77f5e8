from pathlib import Path

import pandas as pd
import pytest
from evaluation_fixtures import asked_entry, evaluation_config, write_benchmark

from r1v3.data.records import render_question
from r1v3.evaluate.items.load import load_asked, load_items
from r1v3.evaluate.items.source import obtain_benchmark
from r1v3.evaluate.score import score_evaluation
from r1v3.recipe.graph.configs import BenchmarkConfig
from r1v3.recipe.outputs.stage import read_config
from r1v3.recipe.tables.benchmarks import load_table

TABLE = Path(__file__).parents[3] / "config" / "benchmarks.yaml"
NAMES = list(load_table(TABLE))
ENTRIES = {name: asked_entry(entry) for name, entry in load_table(TABLE).items()}
CONFIG = evaluation_config(evaluation={"runs": 2}, entries=ENTRIES)


@pytest.fixture(scope="module")
def miniatures(tmp_path_factory):
    """Write all twenty miniatures with 40 items each, and return their paths by name."""
    root, paths = tmp_path_factory.mktemp("benchmarks"), {}
    for name, entry in load_table(TABLE).items():
        folder = root / f"{name}-made"
        paths[name] = write_benchmark(folder, name, entry, items=40, seed=5)
    return paths


def gold_of(item):
    return item.extra["answer"][0] if item.extra.get("rule") else item.golds[0]


def wrong_of(item):
    if item.answer_type == "mcq":
        return "B" if item.golds[0] == "A" else "A"
    if item.answer_type == "mcq_multi":
        return next(x for x in "ABCD" if x not in item.golds[0]) if len(item.golds[0]) < 4 else "E"
    return "977"


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_score_one_and_wrong_ones_nothing(name, miniatures, stored, tmp_path):
    tsv = miniatures[name]
    items = load_items(ENTRIES[tsv.stem], tsv)
    for answer, expected in ((gold_of, 1.0), (wrong_of, 0.0)):
        folder = tmp_path / answer.__name__
        texts = {
            (i.key, run): f"t</think>\n\\boxed{{{answer(i)}}}" for i in items for run in (0, 1)
        }
        stored(folder, name, texts)
        scores = score_evaluation(
            CONFIG, responses=folder, benchmarks={name: tsv}, held_out={}, folder=folder
        )
        found = scores["benchmarks"][name]
        assert found["mean"] == pytest.approx(expected)
        assert found["low"] <= expected <= found["high"]
        assert (found["n"], found["runs"], found["unanswered"]) == (len(items), 2, 0.0)
        assert len(list((folder / "verdicts").iterdir())) == 2


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_of_a_miniature_can_be_seen(name, miniatures, tmp_path):
    tsv = miniatures[name]
    for item, pictures in load_asked(ENTRIES[tsv.stem], tsv, tmp_path):
        assert item.prompt.count("<image>") == len(pictures) > 0
        assert all(picture.is_file() for picture in pictures)


def test_miniatures_have_the_asked_size_or_whole_composites(miniatures):
    for name, tsv in miniatures.items():
        assert 38 <= len(load_items(ENTRIES[tsv.stem], tsv)) <= 43, name


def test_the_same_seed_writes_the_same_file(miniatures, tmp_path):
    tsv = miniatures["wemath"]
    obtain_benchmark(read_config(tsv.parent / "config.json", BenchmarkConfig), tmp_path)
    assert (tmp_path / "wemath.tsv").read_bytes() == tsv.read_bytes()


def test_plain_prompts_are_those_of_the_data_sets(miniatures):
    tsv = miniatures["phyx_mini_mc"]
    item = load_items(ENTRIES[tsv.stem], tsv)[0]
    assert item.prompt == render_question(item.question, item.options, 1)


def test_mmbench_rotates_the_options_and_keeps_the_answer(miniatures):
    rows = pd.read_csv(miniatures["mmbench_en_v11"], sep="\t", dtype=str)
    for _, group in rows.groupby(rows["index"].astype(int) % 1_000_000):
        assert len(group) == 4
        assert set(group["answer"]) == set("ABCD")
        assert len({row[row["answer"]] for row in group.to_dict("records")}) == 1


def test_a_model_that_always_says_a_gets_nothing_in_circular_scoring(miniatures, stored, tmp_path):
    tsv = miniatures["mmbench_en_v11"]
    items = load_items(ENTRIES[tsv.stem], tsv)
    stored(
        tmp_path,
        "mmbench_en_v11",
        {(i.key, r): "</think>\\boxed{A}" for i in items for r in (0, 1)},
    )
    where = {"benchmarks": {"mmbench_en_v11": tsv}, "held_out": {}, "folder": tmp_path}
    found = score_evaluation(CONFIG, responses=tmp_path, **where)["benchmarks"]["mmbench_en_v11"]
    assert found["mean"] == 0.0
    assert found["parts"] == {"circular": 0.0, "single": 0.25}


def test_half_of_mmmus_items_have_two_pictures_where_the_text_says(miniatures):
    tsv = miniatures["mmmu_val"]
    items = load_items(ENTRIES[tsv.stem], tsv)
    assert sum(len(item.images) == 2 for item in items) == 20
    assert sum(item.answer_type == "open" for item in items) == 2


def test_the_question_of_mmmu_pro_vision_is_nowhere_in_the_file(miniatures):
    assert "question" not in pd.read_csv(miniatures["mmmu_pro_vision"], sep="\t", nrows=1).columns


def test_the_exam_has_150_points(miniatures):
    tsv = miniatures["gaokao_2025"]
    assert sum(item.points for item in load_items(ENTRIES[tsv.stem], tsv)) == 300  # two papers
