"""Data cards, and what an evaluation shares with the data that a model learned from."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from data_fixtures import CLEANING, listed, source_config
from evaluation_fixtures import (
    asked_entry,
    evaluation_config,
    indexed,
    miniature_config,
    write_benchmark,
    write_config,
)
from picture_files import PNG

from r1v3.analyze.cards.contamination import find_twins, scores_without
from r1v3.analyze.cards.pages import data_section, make_cards
from r1v3.data.decontamination.duplicates import shared_questions
from r1v3.data.decontamination.evaluation_index import index_evaluations
from r1v3.data.prepare import count_records, prepare
from r1v3.data.records import read_records, write_records
from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.questions import evaluation_questions
from r1v3.recipe.graph.configs import EvaluationIndexConfig, StageConfig
from r1v3.recipe.graph.identity import hash_of
from r1v3.recipe.outputs.manifest import write_manifest
from r1v3.recipe.tables.benchmarks import load_table

ROOT = Path(__file__).parents[3]
NAME = "mathvision"
LONG = (
    "A ladder of five metres leans against a wall and its foot stands three metres away from it on flat "
    "ground; how high up on the wall does the ladder reach"
)


def finish(folder: Path, kind: str, stage: StageConfig | dict, facts: dict) -> Path:
    """Write the files that a stage writes beside its results."""
    config = {"kind": kind, "name": folder.name.rpartition("-")[0]}
    if isinstance(stage, StageConfig):
        stage = stage.model_dump(mode="json", by_alias=True, exclude_unset=True)
    config |= {"hash": hash_of(kind, stage), "document": stage}
    (folder / "config.json").write_text(json.dumps(config))
    write_manifest(folder / "manifest.json", config=config, files=[], facts=facts)
    return folder / "manifest.json"


def finish_sampled(folder: Path, asked: Path) -> Path:
    """Write a set with answers to one question of another set."""
    folder.mkdir()
    record = read_records(asked)[-1].with_response("<think>4</think>\n\\boxed{4}", pass_rate=0.5)
    write_records(folder, [record])
    rejected = {"wrong": {"answer is wrong": 1}}
    facts = {"funnel": {"asked": 3, "sampled": 2, "right": 1, "kept": 1}, "rejected": rejected}
    facts |= {"pass_rate": 0.5, "questions_kept": 1, "examples": {}, **count_records([record])}
    resolved = {"set": {"samples": 2, "temperature": 1.0, "keep": "first"}, "questions": asked.name}
    return finish(folder, "data", resolved | {"by": {"run": "teacher-0"}}, facts)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a benchmark, its index, answers that are right in every other item, and two training sets.

    The first training set still has two of the benchmark's pictures.
    """
    root = tmp_path_factory.mktemp("made")
    benchmark = root / f"{NAME}-made"
    entry = load_table(ROOT / "config" / "benchmarks.yaml")[NAME]
    tsv = write_benchmark(benchmark, NAME, entry, items=10)
    finish(benchmark, "benchmark", miniature_config(NAME, entry, items=10), {})
    reference = root / "evaluations-made"
    reference.mkdir()
    questions = evaluation_questions({NAME: indexed(benchmark, entry)}, {NAME: tsv}, {})
    facts = index_evaluations(CLEANING, questions, reference)
    known = {"version": 1, "name": "evaluations", "seed": 0, "benchmarks": {}, "held_out": {}}
    index = EvaluationIndexConfig.model_validate(known | {"cleaning": CLEANING})
    finish(reference, "evaluation_index", index, facts)

    items = load_items(asked_entry(entry), tsv)
    verdicts = root / "scored" / "verdicts"
    verdicts.mkdir(parents=True)
    for run in range(2):
        rows = [
            {
                "key": item.key,
                "cluster": item.cluster,
                "correct": n % 2 == 0,
                "share": 1.0,
                "points": 1.0,
            }
            for n, item in enumerate(items)
        ]
        pd.DataFrame(rows).to_parquet(verdicts / f"{NAME}.run-{run}.parquet")
    (root / "scored" / "scores.json").write_text("{}")
    write_config(root / "scored", evaluation_config(entries={NAME: asked_entry(entry)}))

    with open(reference / "questions.jsonl") as lines:
        pictures = [json.loads(line)["pictures"][0] for line in lines][:2]
    for name in pictures:
        shutil.copy(next(benchmark.rglob(name)), root / name)
    base = {"answer": "4", "answer_type": "fill", "domain": "mathematics", "difficulty": "k12"}
    base |= {"language": "en"}
    first = [
        {"id": f"a{n}", "question": f"What is shown in {n}?", "images": [name], **base}
        for n, name in enumerate(pictures)
    ]
    first += [{"id": "a2", "question": LONG, **base}, {"id": "bad", **base}]
    second = [{"id": "b0", "question": LONG.replace("five", "six"), **base}]
    sets = {}
    for name, rows in {"first": first, "second": second}.items():
        (root / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        source = listed(root / f"{name}.jsonl")
        config = source_config(source, 5, name=name, contaminated="list", duplicates="list")
        folder = root / f"{name}-made"
        sets[name] = finish(folder, "data", config, prepare(config, folder, reference))
    sets["answered"] = finish_sampled(root / "answered-made", sets["first"].parent)
    return {"root": root, "tsv": tsv, "reference": reference, "sets": sets, "items": items}


def test_scores_are_also_told_without_the_items_that_were_hit(made):
    folders = [made["sets"][name].parent for name in ("first", "second")]
    twins, questions = find_twins(folders, made["reference"], CLEANING)
    assert questions == 10
    keys = [item.key for item in made["items"]]
    assert {(twin["set"], twin["id"], twin["twin"]) for twin in twins} == {
        ("first", "a0", f"{NAME}/{keys[0]}"),
        ("first", "a1", f"{NAME}/{keys[1]}"),
    }
    hit = {NAME: {keys[0], keys[1], keys[2]}}  # two right, one wrong
    (row,) = scores_without(made["root"] / "scored" / "scores.json", {NAME: made["tsv"]}, hit)
    assert (row["items"], row["hits"]) == (10, 3)
    assert row["score"] == pytest.approx(5 / 10)
    assert row["without"] == pytest.approx(3 / 7)


def test_a_set_is_compared_again_where_the_evaluations_changed(made, tmp_path):
    later = tmp_path / "evaluations-1111111111"
    shutil.copytree(made["reference"], later)
    lines = (later / "questions.jsonl").read_text().splitlines()
    changed = [json.loads(line) for line in lines]
    changed[0]["key"] = f"{NAME}/renamed"
    (later / "questions.jsonl").write_text("".join(json.dumps(each) + "\n" for each in changed))
    twins, _ = find_twins([made["sets"]["first"].parent], later, CLEANING)
    assert {twin["twin"] for twin in twins} >= {f"{NAME}/renamed"}


def test_questions_that_two_training_sets_share_are_named(made):
    folders = [made["sets"][name].parent for name in ("first", "second")]
    assert shared_questions(folders, CLEANING) == [
        {"set": "second", "earlier": "first", "ids": 0, "count": 1, "pictures": 0,
         "first": ("b0", "a2")}
    ]  # fmt: skip


def test_sets_that_share_an_id_or_a_picture_alone_are_named(tmp_path):
    sets = {}
    base = {"answer": "4", "answer_type": "fill", "domain": "logic", "difficulty": "k12"}
    rows = {
        "train": [{"id": "a", "question": LONG, "images": ["p.png"]}, {"id": "b", "question": LONG[:60]}],
        "probe": [{"id": "c", "question": "What colour is it?", "images": ["p.png"]},
                  {"id": "b", "question": "Why is the sky blue in the morning?"}],
        "test": [{"id": "d", "question": "How many legs has a spider of that kind?"}],
    }  # fmt: skip
    (tmp_path / "p.png").write_bytes(PNG)
    for name, listed_rows in rows.items():
        lines = [json.dumps(row | base | {"language": "en"}) for row in listed_rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
        sets[name] = tmp_path / f"{name}-made"
        prepare(source_config(listed(tmp_path / f"{name}.jsonl"), 5, name=name), sets[name])
    assert shared_questions(list(sets.values()), CLEANING) == [
        {"set": "probe", "earlier": "train", "ids": 1, "count": 0, "pictures": 1, "first": ("c", "a")}
    ]  # fmt: skip


class Tags(HTMLParser):
    """Checks that tags close in order, and collects ids and links."""

    VOID = ("meta", "img", "br", "path", "use", "rect", "line", "circle")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append(tag)
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_each_set_gets_a_card_that_opens_offline(made, tmp_path):
    output = tmp_path / "cards" / "index.html"
    make_cards(
        data=list(made["sets"].values()),
        trained=["first", "second"],
        evaluation_index=made["reference"] / "manifest.json",
        benchmarks=[made["tsv"].parent / "manifest.json"],
        scores=made["root"] / "scored" / "scores.json",
        sources=ROOT / "config" / "sources.yaml",
        output=output,
    )
    card, index = (output.parent / "first.html").read_text(), output.read_text()
    for page in (card, index):
        tags = Tags()
        tags.feed(page)
        assert tags.open == []
        assert len(tags.ids) == len(set(tags.ids))
        assert not re.search(r"https?://(?!www\.w3\.org)", page)
    assert card.count("data:image/png;base64") == 2
    assert "missing field" in card
    assert "CC0-1.0" in card
    assert f"{NAME}/" in index
    assert "50.0" in index  # the score with all items
    assert "second" in index
    answered = (output.parent / "answered.html").read_text()
    assert "50.0 % of the chains right" in answered
    assert "chains sampled" in answered


def test_the_reports_section_shows_figure_2_and_every_funnel(made):
    section = data_section([made["sets"]["answered"], made["sets"]["second"]])
    assert section.count("<svg") == 6
    assert "records by difficulty" in section
    assert "missing field: 1" in section
    assert 'href="cards/first.html"' in section  # whose questions were answered
