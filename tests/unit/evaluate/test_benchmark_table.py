import pytest
import yaml

from r1v3.recipe.tables.benchmarks import Benchmark, load_table, refuse_forbidden_use


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
    with pytest.raises(ValueError, match=r"benchmarks.yaml: mmstar: unknown key 'colour'"):
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
    for entry in table.values():
        decides = entry.asked("files")
        assert Benchmark.model_validate(decides).model_dump(exclude_unset=True) == decides


def test_what_readers_are_told_is_not_hashed_and_what_decides_a_score_is(table):
    entry = table["mmstar"]
    told = {"title": "?", "checklist": [], "published": {}, "group": "Logic"}
    assert entry.model_copy(update=told).hashed() == entry.hashed()
    for decides in ({"version": 2}, {"judge": "needed"}):
        assert entry.model_copy(update=decides).hashed() != entry.hashed()


def test_a_miniature_is_asked_with_the_prompts_that_its_model_was_taught(table):
    entry = table["mmmu_val"]
    assert entry.asked("miniature")["prompt"] == entry.miniature.prompt.model_dump()
    assert entry.asked("files")["prompt"] == entry.prompt.model_dump()
