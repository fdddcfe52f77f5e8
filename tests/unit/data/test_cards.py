"""Data cards, and what an evaluation shares with the data that a model learned from."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from data_fixtures import CLEANING, listed, source_document

from r1v3.data.cards import data_section, make_cards
from r1v3.data.contamination import find_twins, scores_without
from r1v3.data.duplicates import shared_questions
from r1v3.data.prepare import prepare
from r1v3.data.reference import index_reference
from r1v3.evaluate.load import load_items
from r1v3.evaluate.source import entry_beside, obtain_benchmark
from r1v3.evaluate.table import load_table
from r1v3.recipe.manifest import write_manifest

ROOT = Path(__file__).parents[3]
NAME = "mathvision"
LONG = (
    "A ladder of five metres leans against a wall and its foot stands three metres away from it on flat "
    "ground; how high up on the wall does the ladder reach"
)


def finish(folder: Path, kind: str, document: dict, facts: dict) -> Path:
    """The files that a stage leaves beside its results."""
    config = {"kind": kind, "name": folder.name.rpartition("-")[0], "hash": folder.name[-10:]}
    config["document"] = document
    (folder / "config.json").write_text(json.dumps(config))
    write_manifest(folder / "manifest.json", config=config, files=[], facts=facts)
    return folder / "manifest.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A benchmark, its index, answers that are right in every other item, and two training sets, of which
    the first kept two of its pictures."""
    root = tmp_path_factory.mktemp("made")
    benchmark = root / f"{NAME}-0000000000"
    benchmark.mkdir()
    entry = load_table(ROOT / "config" / "benchmarks.yaml")[NAME]
    document = {"benchmark": NAME, "entry": entry.model_dump(mode="json"), "seed": 0}
    document |= {"source": "miniature", "items": 10}
    tsv = benchmark / f"{NAME}.tsv"
    finish(benchmark, "benchmark", document, {})
    obtain_benchmark(document, benchmark)
    reference = root / "evaluations-0000000000"
    reference.mkdir()
    facts = index_reference(
        {"cleaning": CLEANING}, benchmarks={NAME: tsv}, held_out={}, folder=reference
    )
    finish(reference, "reference", {"cleaning": CLEANING}, facts)

    items = load_items(entry_beside(tsv), tsv)
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
        document = source_document(source, 5, name=name, contaminated="list", duplicates="list")
        folder = root / f"{name}-0000000000"
        sets[name] = finish(folder, "data", document, prepare(document, folder, reference))
    return {"root": root, "tsv": tsv, "reference": reference, "sets": sets, "items": items}


def test_scores_are_also_told_without_the_items_that_were_hit(made):
    folders = [path.parent for path in made["sets"].values()]
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
    folders = [path.parent for path in made["sets"].values()]
    assert shared_questions(folders, CLEANING) == [
        {"set": "second", "earlier": "first", "count": 1, "first": ("b0", "a2")}
    ]


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
        reference=made["reference"] / "manifest.json",
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


def test_the_reports_section_shows_figure_2_and_every_funnel(made):
    section = data_section(list(made["sets"].values()))
    assert section.count("<svg") == 6
    assert "records by difficulty" in section
    assert "missing field: 1" in section
    assert 'href="cards/first.html"' in section
