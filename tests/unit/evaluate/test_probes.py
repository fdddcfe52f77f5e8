"""Probes (options shuffled, pictures masked, half a question), abstention and calibration."""

import json

import pytest
from evaluation_fixtures import evaluation_config, published_config, write_config
from page_reader import without_tags
from PIL import Image

from r1v3.cli.evaluate import printed_tables
from r1v3.evaluate.answer import answer, benchmark_requests
from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.judge import judge_response
from r1v3.evaluate.pages.pages import model_label, write_pages
from r1v3.evaluate.probes import is_completed, probe_item, split_question
from r1v3.evaluate.score import agreement_of, score_evaluation
from r1v3.evaluate.statistics import Vote, calibration_error, vote
from r1v3.generate.types import Response
from r1v3.model.chat_template import renderer

WORDS = ("one", "two", "three", "four")
STAR = {**dict(zip("ABCD", WORDS)), "answer": "B", "category": "c", "l2_category": "d"}
LONG = " ".join(f"word{n}" for n in range(20))


def star(table, tsv, picture, count=12, question="Which?"):
    rows = [
        {"index": str(n), "question": question, **STAR, "image": picture()} for n in range(count)
    ]
    return tsv(rows, "mmstar")


def test_shuffled_options_take_their_gold_along(table, tsv, picture):
    entry = table["mmstar"]
    items = load_items(entry, star(table, tsv, picture))
    probed = [probe_item(item, "shuffled", entry, 1) for item in items]
    assert probed == [probe_item(item, "shuffled", entry, 1) for item in items]
    assert len({one.item.options for one in probed}) > 4
    for one in probed:
        [gold] = one.item.golds
        place = "ABCD".index(gold)
        assert one.item.options[place] == "two"
        assert f"{gold}. two\n" in one.item.prompt + "\n"
        assert sorted(one.item.options) == sorted(WORDS)
        assert judge_response(one.item, f"\\boxed{{{gold}}}", entry).verdict.correct
        assert judge_response(one.item, "\\boxed{two}", entry).verdict.correct
    assert [one.changed for one in probed] == [one.item.options != WORDS for one in probed]
    assert probe_item(items[0], None, entry, 1).item is items[0]


def test_pictures_in_options_move_with_them(table, tsv, picture, tmp_path):
    entry = table["mmmu_val"]
    row = {"index": "1", "question": "<image 1> Which?", "answer": "C", "split": "validation"}
    row |= {letter: f"<image {n}>" for n, letter in enumerate("ABC", 2)}
    colours = ("red", "green", "blue", "white")
    row |= {"image": str([picture(c) for c in colours]), "category": "c", "l2-category": "d"}
    tsv_path = tsv([row], "mmmu_val")
    [item] = load_items(entry, tsv_path)
    for seed in range(6):
        config = evaluation_config(seed=seed, probe="shuffled")
        render = renderer(config.template, tmp_path)
        [request] = benchmark_requests(config, render, "mmmu_val", entry, tsv_path)
        probed = probe_item(item, "shuffled", entry, seed).item
        shown = [Image.open(path).convert("RGB").getpixel((0, 0)) for path in request.images]
        assert shown[0] == (255, 0, 0)
        assert shown[1 + "ABC".index(probed.golds[0])] == (255, 255, 255)


@pytest.mark.parametrize("name", ["visulogic", "mathvision"])
def test_what_cannot_be_shuffled_is_asked_as_it_is(table, tsv, picture, name):
    row = {
        "index": "1",
        "question": "Choose A, B, C or D",
        "answer": "B",
        "category": "x",
        "level": "1",
    }
    row |= {"choices": "[]"}
    [item] = load_items(table[name], tsv([row | {"image": picture()}], name))
    probed = probe_item(item, "shuffled", table[name], 1)
    assert (probed.item, probed.changed) == (item, False)


def test_masked_pictures_are_grey_and_as_large(table, tsv, picture, tmp_path):
    path = star(table, tsv, picture, 2)
    config = evaluation_config(probe="masked")
    render = renderer(config.template, tmp_path)
    plain = list(benchmark_requests(evaluation_config(), render, "mmstar", table["mmstar"], path))
    for request, other in zip(
        benchmark_requests(config, render, "mmstar", table["mmstar"], path), plain, strict=True
    ):
        assert request.prompt == other.prompt
        [grey] = [Image.open(each) for each in request.images]
        assert (grey.size, grey.getcolors()) == ((4, 4), [(16, (128, 128, 128))])


def test_a_partial_question_gives_its_beginning_alone(table, tsv, picture):
    entry = table["mmstar"]
    [item] = load_items(entry, star(table, tsv, picture, 1, LONG))
    given, missing = split_question(item)
    assert (given.split()[-1], missing.split()[0]) == ("word11", "word12")
    probed = probe_item(item, "partial", entry, 1)
    assert probed.changed
    assert probed.item.images == ()
    assert "word11" in probed.item.prompt
    assert "word12" not in probed.item.prompt
    assert "<image>" not in probed.item.prompt
    assert is_completed(probed.item, f"It goes on: {missing} And the answer is B.")
    assert is_completed(probed.item, "word12 word13 word14 word15 word16 and word19")
    assert not is_completed(probed.item, "word19 word18 word17 word16 word15 word14 word13 word12")
    [short] = load_items(entry, star(table, tsv, picture, 1))
    assert not probe_item(short, "partial", entry, 1).changed


class LetterB:
    """Answers B to every question, and the end of a long question."""

    def generate(self, requests, sampling):
        for request in requests:
            text = "x</think>word12 word13 word14 word15 word16 word17 word18 word19 \\boxed{B}"
            yield [
                Response(request.key, n, text, (1,), (0.0,), "stop", 9)
                for n in range(sampling.samples)
            ]


@pytest.mark.parametrize("probe", ["shuffled", "masked", "partial"])
def test_a_probe_is_a_suite_of_its_own_beside_table_1(
    table, tsv, picture, tmp_path, monkeypatch, probe
):
    monkeypatch.setattr("r1v3.evaluate.answer.load_engine", lambda *_: LetterB())
    path = star(table, tsv, picture, 12, LONG)
    write_config(path.parent, published_config("mmstar", {"kind": "user", "describe": "a TSV"}))
    folder = tmp_path / "evaluations/m/tiny-made"
    folder.mkdir(parents=True)
    config = evaluation_config(
        evaluation={"runs": 2},
        probe=probe,
        benchmarks={"mmstar": "mmstar-0"},
        entries={"mmstar": table["mmstar"].asked("files")},
    )
    write_config(folder, config)
    where = {"benchmarks": {"mmstar": path}, "held_out": {}, "folder": folder}
    answer(config, model=tmp_path, **where)
    found = score_evaluation(config, responses=folder, **where)["benchmarks"]["mmstar"]
    assert found["probe"]["name"] == probe
    assert found["mean"] < 0.8 if probe == "shuffled" else found["mean"] == 1.0
    assert found["probe"].get("completed") == (1.0 if probe == "partial" else None)
    listed = {"mmstar": table["mmstar"]}
    index = write_pages(folder, {"mmstar": path}, listed, tmp_path / "pages", name="m", against={})
    assert f"under the probe {probe}" in without_tags(index.read_text())
    assert model_label(folder).endswith(f"({probe})")


def test_without_a_probe_no_config_changes():
    assert "probe" not in json.loads(evaluation_config().model_dump_json(exclude_unset=True))


def test_the_commonest_answer_is_an_items_vote():
    assert vote(["A", "a ", "B"], [True, True, False]) == Vote(2, 1.0)
    assert vote(["A", "B", None], [True, False, False]) == Vote(1, 0.5)
    assert vote([None, None], [False, False]) == Vote(0, 0.0)


def test_calibration_is_how_far_agreement_and_accuracy_are_apart():
    # Four items of two runs. Confidence 1: one of two right. Confidence 0.5: both halves right.
    items = [Vote(2, 1.0), Vote(2, 0.0), Vote(1, 0.5), Vote(1, 0.5)]
    assert calibration_error(items, 2) == pytest.approx((abs(2 - 1) + abs(1 - 1)) / 4)
    assert calibration_error([Vote(2, 1.0)], 2) == 0.0


def test_abstaining_answers_fewer_items_better():
    import pandas as pd

    every = pd.DataFrame(
        {
            "key": ["1", "1", "2", "2", "3", "3"],
            "extracted": ["A", "A", "B", "C", None, "D"],
            "correct": [True, True, True, False, False, False],
        }
    )
    found = agreement_of(every, 2)["abstaining"]
    assert found[0] == {"agree": 1, "answered": 1.0, "right": pytest.approx(0.5)}
    assert found[1] == {"agree": 2, "answered": pytest.approx(1 / 3), "right": 1.0}


def test_a_call_prints_the_probes_table_in_place_of_table_1(tmp_path):
    (tmp_path / "table_1.md").write_text("Table 1\n")
    assert printed_tables(tmp_path) == "Table 1\n"
    (tmp_path / "judges.md").write_text("two judges\n")
    assert printed_tables(tmp_path) == "Table 1\n\ntwo judges\n"
    (tmp_path / "probe.md").write_text("0 of 6 changed\n")
    assert printed_tables(tmp_path) == "0 of 6 changed\n\ntwo judges\n"
