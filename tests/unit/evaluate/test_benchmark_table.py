import pytest
import yaml

from r1v3.recipe.tables.benchmarks import hashed_part, load_table, read_entry, refuse_forbidden_use


def test_the_table_has_the_twenty_benchmarks(table):
    assert len(table) == 20
    assert sum(bool(entry.published) for entry in table.values()) == 16


def test_every_entry_of_table_1_has_all_six_columns(table):
    assert {len(entry.published) for entry in table.values()} == {0, 6}


def test_an_asterisk_marks_a_score_of_the_authors(table):
    score = table["mathverse_vision_only"].published["claude_37_sonnet"]
    assert (score.score, score.by_authors) == (49.9, True)
    assert not table["mathverse_vision_only"].published["gpt_4o"].by_authors


def test_a_wrong_key_is_named_with_file_and_benchmark(tmp_path, table):
    path = tmp_path / "benchmarks.yaml"
    entry = table["mmstar"].model_dump(mode="json")
    path.write_text(yaml.safe_dump({"mmstar": {**entry, "colour": "red"}}))
    with pytest.raises(ValueError, match=r"benchmarks.yaml: benchmark 'mmstar'[\s\S]*colour"):
        load_table(path)


def test_a_score_for_an_unknown_model_is_refused(table, tmp_path):
    path = tmp_path / "benchmarks.yaml"
    entry = table["mmstar"].model_dump(mode="json") | {"published": {"gpt_9": 99.0}}
    path.write_text(yaml.safe_dump({"mmstar": entry}))
    with pytest.raises(ValueError, match="gpt_9"):
        load_table(path)


def test_mathvista_may_not_be_trained_on_but_may_be_evaluated(table):
    with pytest.raises(ValueError, match=r"mathvista_mini .* may not be trained on"):
        refuse_forbidden_use("mathvista_mini", table["mathvista_mini"], "training")
    refuse_forbidden_use("mathvista_mini", table["mathvista_mini"], "evaluation")
    refuse_forbidden_use("mathvision", table["mathvision"], "training")


def test_an_entry_survives_the_way_through_a_config_file(table):
    for name, entry in table.items():
        written = entry.model_dump(mode="json")
        read = read_entry(name, written, "config.json")
        assert read.model_dump(mode="json") == hashed_part(written)


def test_what_readers_are_told_is_not_hashed_and_what_decides_a_score_is(table):
    entry = table["mmstar"].model_dump(mode="json")
    told = {"title": "?", "checklist": [], "published": {}, "licence": None, "group": "Logic"}
    assert hashed_part(entry | told) == hashed_part(entry)
    assert hashed_part(entry | {"version": 2}) != hashed_part(entry)
    assert hashed_part(entry | {"judge": "needed"}) != hashed_part(entry)
