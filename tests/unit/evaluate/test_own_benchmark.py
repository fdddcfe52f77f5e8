"""A user's own benchmark: at most eight keys and a file, for any recipe and any model."""

import base64
import csv
import io
import json
import re
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml
from PIL import Image
from scripted_server import completion, serve

from r1v3.cluster.supplies import supply_checks
from r1v3.evaluate.any_model import evaluate, prepare_evaluation
from r1v3.evaluate.items.load import load_asked, load_benchmark
from r1v3.evaluate.items.source import obtain_file
from r1v3.evaluate.scorers import score_run
from r1v3.plan.costs import load_costs
from r1v3.plan.stages import RecipePlan
from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.json_schema import json_schemas
from r1v3.recipe.load import load_project
from r1v3.recipe.site import load_site
from r1v3.recipe.tables.benchmarks import OwnBenchmark, read_entry

ROOT = Path(__file__).parents[3]
NINE = {
    "title": "My charts",
    "file": "data/charts.tsv",
    "encoding": "utf-8",
    "form": "choice",
    "metric": "accuracy",
    "group": "Charts",
    "prompt": "{question}\n{options}\nOne letter, please.",
    "by": ["kind"],
    "published": {"gpt_4o": 41.5, "internvl3_78b": "39*"},
}
ROWS = [
    {"question": "Which bar is tallest?", "A": "red", "B": "blue", "answer": "B", "kind": "bars"},
    {"question": "Which line falls?", "A": "first", "B": "second", "answer": "A", "kind": "lines"},
]


def png(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (56, 56), colour).save(file, "PNG")
    return file.getvalue()


def write_rows(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(
            file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ","
        )
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Make a checkout whose recipes ask `charts`, which has two rows with pictures beside the file."""
    for name in ("config", "slurm"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("R1V3_BENCHMARKS", raising=False)
    table = tmp_path / "config/benchmarks.yaml"
    table.write_text(table.read_text() + yaml.safe_dump({"charts": NINE}))
    write_rows(tmp_path / NINE["file"], [row | {"image_path": "bar.png"} for row in ROWS])
    (tmp_path / "data/bar.png").write_bytes(png())
    for recipe in ("paper", "tiny"):
        file = tmp_path / f"config/recipes/{recipe}.yaml"
        text = file.read_text().replace(
            "  benchmarks: [mmmu_val", "  benchmarks: [charts, mmmu_val"
        )
        content = yaml.safe_load(text)
        content.setdefault("evaluation", {})["benchmarks"] = ["charts", "mmmu_val"]
        file.write_text(yaml.safe_dump(content, sort_keys=False))
    return tmp_path


def test_nine_keys_are_all_that_an_entry_may_say_and_three_are_enough():
    assert len(OwnBenchmark.model_fields) == len(NINE) == 9
    assert set(NINE) == set(OwnBenchmark.model_fields)
    shortest = read_entry({key: NINE[key] for key in ("title", "file", "form")})
    assert "{question}" in shortest.prompt.choice
    assert not shortest.published
    schema = json_schemas()["benchmarks"]
    jsonschema.validate({"mine": NINE}, schema)
    with pytest.raises(jsonschema.ValidationError, match="metrics"):
        jsonschema.validate({"mine": NINE | {"metrics": "accuracy"}}, schema)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"metrics": "accuracy"}, "did you mean 'metric'?"),
     ({"form": "chioce"}, "did you mean 'choice'?"),
     ({"prompt": "Look!"}, "a column such as {question} must stand in it"),
     ({"published": {"gpt4o": 41}}, "'gpt4o' must be one of")],
)  # fmt: skip
def test_a_mistake_in_a_short_entry_is_named(checkout, change, said):
    table = checkout / "config/benchmarks.yaml"
    content = yaml.safe_load(table.read_text())
    content["charts"] |= change
    table.write_text(yaml.safe_dump(content, sort_keys=False))
    with pytest.raises(RecipeError, match=rf"charts: .*{re.escape(said)}"):
        load_project(checkout, "tiny")


def test_it_is_planned_by_the_rows_of_its_file_and_missed_before_the_first_job(checkout):
    project = load_project(checkout, "paper")
    plan = RecipePlan(checkout, project, load_site(checkout), load_costs(checkout))
    assert plan._items("charts") == 2
    for recipe in ("paper", "tiny"):
        project = load_project(checkout, recipe)
        checks = supply_checks(checkout, project)
        (checkout / NINE["file"]).rename("elsewhere.tsv")
        missing = checks["benchmark charts"]()
        assert missing.state == "STOP"
        assert NINE["file"] in missing.text
        Path("elsewhere.tsv").rename(checkout / NINE["file"])
        assert checks["benchmark charts"]().state == "ok"


def test_a_changed_row_or_picture_moves_its_file_and_no_training_set(checkout):
    def ids():
        graph = ResultGraph(load_project(checkout, "tiny"))
        return graph.benchmark("charts").id, graph.run("final").id

    first = ids()
    (checkout / "data/bar.png").write_bytes(png("blue"))
    second = ids()
    assert second[0] != first[0]
    write_rows(checkout / NINE["file"], ROWS)
    assert ids()[0] not in (first[0], second[0])
    assert ids()[1] == first[1]


def test_a_recipe_of_miniatures_asks_the_real_rows_of_any_model(checkout):
    def script(body, number):
        return 200, completion(body, "</think>\\boxed{B}"), {}

    with serve(script) as (address, asked):
        model = f"{address}#any"
        ready = prepare_evaluation(checkout, "tiny", model, benchmarks=["charts"])
        folder = evaluate(checkout, ready)
        again = prepare_evaluation(
            checkout, "tiny", model, benchmarks=["charts"], second_judge="two"
        )
        judged_twice = evaluate(checkout, again)
    turns = [
        turn["content"]
        for request in asked
        for turn in request["body"]["messages"]
        if turn["role"] == "user"
    ]
    assert len(turns) == 2  # the second evaluation took the answers over
    assert judged_twice != folder
    for turn in turns:
        assert [part["type"] for part in turn] == ["image_url", "text"]
        assert base64.b64decode(turn[0]["image_url"]["url"].partition(",")[2])[:4] == b"\x89PNG"
    said = sorted(turn[1]["text"].strip() for turn in turns)
    assert said[1] == "Which line falls?\nA. first\nB. second\nOne letter, please."
    scores = json.loads((folder / "scores.json").read_text())["benchmarks"]["charts"]
    assert scores["mean"] == 0.5
    table = (folder / "pages/table_1.md").read_text()
    assert "My charts" in table
    assert "39.0\\*" in table
    assert "miniature" not in table


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".jsonl"])
def test_each_form_of_file_is_read_with_options_wherever_they_stand(tmp_path, suffix):
    own = tmp_path / f"mine{suffix}"
    rows = [
        {"question": "Columns?", "A": "x", "B": "y", "options": "", "answer": "y"},
        {"question": "A list?", "A": "", "B": "", "options": "['p', 'q']", "answer": "A"},
        {"question": "Lines?\nA. one\nB. two", "A": "", "B": "", "options": "", "answer": "B"},
        {"question": "Open?", "A": "", "B": "", "options": "", "answer": ""},
    ]
    if suffix == ".jsonl":
        own.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        write_rows(own, rows)
    entry = read_entry({"title": "-", "file": str(own), "form": "choice"})
    obtain_file("mine", entry.source, tmp_path / "out.tsv")
    loaded = load_benchmark(entry, tmp_path / "out.tsv")
    assert [(i.key, i.golds, i.options) for i in loaded.items] == [
        ("1", ("B",), ("x", "y")), ("2", ("A",), ("p", "q")), ("3", ("B",), ("one", "two")),
    ]  # fmt: skip
    assert loaded.items[1].prompt.startswith("A list?\nA. p\nB. q\nAnswer")
    assert loaded.items[2].prompt.startswith("Lines?\nA. one\nB. two\nAnswer")
    assert [row.row for row in loaded.unreadable] == [f"4 (row 4 of {own.name})"]


def test_a_row_whose_picture_is_not_there_costs_itself(tmp_path):
    write_rows(
        tmp_path / "mine.csv",
        [{"question": "1 + 1", "answer": "2", "image_path": "here.png"},
         {"question": "1 + 2", "answer": "3", "image_path": "gone.png"}],
    )  # fmt: skip
    (tmp_path / "here.png").write_bytes(png())
    entry = read_entry({"title": "-", "file": str(tmp_path / "mine.csv"), "form": "open"})
    obtain_file("mine", entry.source, tmp_path / "out" / "mine.tsv")
    loaded = load_benchmark(entry, tmp_path / "out/mine.tsv")
    assert [row.reason for row in loaded.unreadable] == [
        "the picture gone.png cannot be read (No such file or directory)"
    ]
    ((item, pictures),) = load_asked(entry, tmp_path / "out/mine.tsv", tmp_path / "pictures")
    assert item.golds == ("2",)
    assert pictures[0].read_bytes() == png()


def test_points_and_rotations_are_counted_by_columns_of_their_names(tmp_path):
    import pandas as pd

    rows = [
        {"question": "1 + 1", "answer": "2", "points": 3},
        {"question": "x", "answer": "1", "points": 0},
    ]
    write_rows(tmp_path / "exam.csv", rows)
    exam = read_entry(
        {"title": "-", "file": str(tmp_path / "exam.csv"), "form": "open", "metric": "points"}
    )
    obtain_file("exam", exam.source, tmp_path / "exam.tsv")
    loaded = load_benchmark(exam, tmp_path / "exam.tsv")
    assert [item.points for item in loaded.items] == [3.0]
    assert "points must be a number above 0" in loaded.unreadable[0].reason
    turned = read_entry({"title": "-", "file": "-", "form": "choice", "metric": "circular"})
    judged = pd.DataFrame(
        {"key": ["1", "2", "3"], "cluster": ["q", "q", "r"], "correct": [True, False, True]}
    )
    assert score_run(judged, turned).value == 0.5
