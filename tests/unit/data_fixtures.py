"""Makes configs of data sets as the recipe does, for tests that need no recipe."""

from pathlib import Path

from r1v3.recipe.graph.configs import SourceDataConfig
from r1v3.recipe.schema.cleaning import Cleaning

CLEANING = Cleaning.model_validate({
    "limits": {
        "max_characters": 20_000,
        "max_bytes": 2_000_000,
        "max_pixels": 1_000_000,
        "repair": ["animated", "rotated", "cmyk"],
    },
    "licences": {"forbidden": ["*-ND-*"], "not_stated": "keep"},
    "text": {
        "ngram": 13,
        "min_containment": 0.8,
        "min_jaccard": 0.8,
        "alone_words": 13,
        "common": 10,
    },
    "pictures": {"max_bits": 8, "min_likeness": 0.95},
    "benchmarks": [],
    "held_out": [],
})  # fmt: skip


def source_config(source: dict, size: int, *, name: str = "test", **changed) -> SourceDataConfig:
    """Return the config of a set from sources; `changed` replaces keys of the set."""
    spec = {
        "kind": "source",
        "source": source,
        "size": size,
        "stands_in_for": None,
        "before": None,
        "undated": "keep",
        "balance": None,
        "duplicates": None,
        "contaminated": None,
    }
    known = {"version": 1, "name": name, "seed": 1, "cleaning": CLEANING}
    return SourceDataConfig.model_validate(known | {"set": spec | changed})


def listed(*places: Path, **changed) -> dict:
    """Return a listed source with files of records; `changed` replaces keys of the entry."""
    entry = {
        "where": {"kind": "files", "places": [str(place) for place in places], "sha256": {}},
        "pictures": None,
        "mapping": "records",
        "constants": {},
        "rename": {},
        "licence": {"name": "CC0-1.0", "training": "allowed", "note": None},
        "date": None,
    }
    entries = {"made": entry | changed}
    return {"kind": "listed", "entries": entries, "split": "train", "instances": "train"}
