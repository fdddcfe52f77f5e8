"""The rehearsal serves every source of the open recipes, in a layout that becomes records."""

from pathlib import Path

import pytest
from data_fixtures import source_config
from hub_benchmarks import served_table
from hub_sets import write_sets
from loopback_hub import Hub, serve

from r1v3.data.prepare import prepare
from r1v3.data.records import read_records
from r1v3.recipe.load import load_project
from r1v3.recipe.schema.data import ListedSource, SourceSet

ROOT = Path(__file__).parents[2]
PROJECT = load_project(ROOT, "open-1b")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return write_sets(tmp_path_factory.mktemp("hub"))


def sources() -> dict[str, str]:
    """Return each source of the open recipe, with a part of it that a set asks for."""
    found: dict[str, str] = {}
    for entry in PROJECT.recipe.data.values():
        if isinstance(entry, SourceSet) and isinstance(entry.source, ListedSource):
            for name in (*entry.source.entries, *entry.source.instead):
                found.setdefault(name, entry.source.split)
    return found


@pytest.mark.parametrize("name", sorted(sources()))
def test_a_source_as_it_is_published_becomes_records_with_pictures(
    name, published, monkeypatch, tmp_path
):
    monkeypatch.delenv("R1V3_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    entry = PROJECT.sources[name]
    source = {"kind": "listed", "entries": {name: entry.hashed()}, "split": sources()[name],
              "instances": "train"}  # fmt: skip
    with serve(Hub(datasets={entry.where.id: published[entry.where.id]})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        facts = prepare(source_config(source, 1000), tmp_path / "set")
    records = read_records(tmp_path / "set")
    assert len(records) >= 2, facts
    assert all(record.images for record in records)
    assert {record.source for record in records} == {name}
    refused = facts["rejected"].get("valid", {})
    assert sum(refused.values()) == 0, refused


def test_the_benchmark_table_that_is_served_names_the_hub_alone():
    text = (ROOT / "config/benchmarks.yaml").read_text(encoding="utf-8")
    served = served_table(text, "http://127.0.0.1:9")
    assert "opencompass" not in served
    assert served.count("http://127.0.0.1:9/files/") == text.count("https://opencompass")
    assert "http://127.0.0.1:9/files/MMStar.tsv" in served
    assert "md5: null" in served
