"""The content of the user's own files is part of a result's identity."""

import pytest

from r1v3.recipe.graph.supplied import content_by_hand, content_of_places
from r1v3.recipe.tables.benchmarks import UrlSource, UserSource
from r1v3.recipe.tables.sources import Files, Hub

MINE = {"title": "Mine", "citation": "-", "stands_in_for": "-", "differs": "-"}
MINE |= {"where": {"kind": "files", "places": ["mine.jsonl"]}, "mapping": "records"}
MINE |= {"licence": {"name": "CC0", "training": "allowed"}, "date": "2020"}


@pytest.fixture
def mine(checkout):
    """Make a recipe whose set `mine` is read from a user's file."""
    checkout.edit("sources.yaml", lambda table: table.update(mine=MINE))

    def add(recipe):
        source = {"kind": "listed", "entries": ["mine"], "split": "train", "instances": "train"}
        recipe["data"]["mine"] = recipe["data"]["math_normal"] | {"source": source}

    for recipe in ("paper", "tiny"):
        checkout.edit(f"recipes/{recipe}.yaml", add)
    return checkout


def test_a_changed_row_makes_another_set_and_the_same_rows_the_same(mine):
    file = mine.root / "mine.jsonl"
    file.write_text('{"id": 1, "answer": "23"}')
    first = mine.graph().data("mine").id
    file.write_text('{"id": 1, "answer": "24"}')
    assert mine.graph().data("mine").id != first
    file.write_text('{"id": 1, "answer": "23"}')
    assert mine.graph().data("mine").id == first


def test_what_is_not_there_yet_is_planned_all_the_same(mine):
    assert "content" not in mine.graph().data("mine").resolved["set"]["source"]


def test_a_folder_counts_by_names_and_content_of_its_files(tmp_path):
    where = Files(kind="files", places=["rows", "https://example.org/rows.jsonl"])
    (tmp_path / "rows" / "deep").mkdir(parents=True)
    (tmp_path / "rows" / "deep" / "a.jsonl").write_text("1")
    first = content_of_places(where, tmp_path)
    assert list(first) == ["rows"]
    (tmp_path / "rows" / "deep" / "a.jsonl").rename(tmp_path / "rows" / "b.jsonl")
    assert content_of_places(where, tmp_path) != first
    hub = Hub(kind="hub", id="o/n", revision="main", files=["*"])
    assert content_of_places(hub, tmp_path) == {}


def test_a_benchmark_file_of_the_user_counts_where_no_published_checksum_holds_it(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("R1V3_BENCHMARKS", str(tmp_path))
    (tmp_path / "mine.tsv").write_text("index")
    source = UserSource(kind="user", describe="a TSV")
    first = content_by_hand("mine", source, tmp_path)
    (tmp_path / "mine.tsv").write_text("index\tquestion")
    assert content_by_hand("mine", source, tmp_path) != first
    assert list(first) == ["mine.tsv"]
    held = UrlSource(kind="url", url="https://example.org/mine.tsv", md5="0" * 32)
    assert content_by_hand("mine", held, tmp_path) == {}
    loose = held.model_copy(update={"md5": None})
    assert content_by_hand("mine", loose, tmp_path) == {
        "mine.tsv": content_by_hand("mine", source, tmp_path)["mine.tsv"]
    }


def test_a_repaired_benchmark_of_the_user_moves_its_file_and_its_scores(mine, monkeypatch):
    monkeypatch.setenv("R1V3_BENCHMARKS", str(mine.root))

    def add(table):
        table["mine"] = table["mmstar"] | {"source": {"kind": "user", "describe": "a TSV"}}

    mine.edit("benchmarks.yaml", add)
    mine.edit(
        "recipes/tiny.yaml",
        lambda r: r["evaluation"].update(source="files", benchmarks=["mine"], items=None),
    )
    (mine.root / "mine.tsv").write_text("index")

    def made() -> tuple[str, str]:
        graph = mine.graph()
        scores = graph.evaluation("final", "last", "benchmarks")
        return graph.benchmark("mine").id, scores.id

    first = made()
    (mine.root / "mine.tsv").write_text("index\tquestion")
    second = made()
    assert first[0] != second[0]
    assert first[1] != second[1]
