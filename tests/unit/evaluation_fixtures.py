"""Makes configs of benchmarks and evaluations as the recipe does, for tests that need no recipe."""

import json
from pathlib import Path

from r1v3.evaluate.items.source import obtain_benchmark
from r1v3.recipe.graph.configs import BenchmarkConfig, EvaluationConfig, IndexedBenchmark
from r1v3.recipe.graph.identity import hash_of
from r1v3.recipe.tables.benchmarks import Benchmark, ListedBenchmark


def asked_entry(entry: ListedBenchmark, made_from="miniature") -> Benchmark:
    """Return how the items of a benchmark of the table are asked and scored."""
    return Benchmark.model_validate(entry.asked(made_from))


def miniature_config(
    name: str, entry: ListedBenchmark, *, items: int, seed: int = 0
) -> BenchmarkConfig:
    """Return the config of a miniature."""
    plan = entry.miniature.model_dump(include={"domains", "tasks"})
    file = {"made_from": "miniature", "items": items, **plan}
    known = {"version": 1, "name": name, "seed": seed, "benchmark": name}
    return BenchmarkConfig.model_validate(known | {"file": file})


def published_config(name: str, source: dict) -> BenchmarkConfig:
    """Return the config of a published file."""
    file = {"made_from": "files", "source": source}
    known = {"version": 1, "name": name, "seed": 0, "benchmark": name}
    return BenchmarkConfig.model_validate(known | {"file": file})


def write_benchmark(
    folder: Path, name: str, entry: ListedBenchmark, *, items: int, seed: int = 0
) -> Path:
    """Write a miniature beside its config, and return its TSV."""
    config = miniature_config(name, entry, items=items, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_config(folder, config)
    obtain_benchmark(config, folder)
    return folder / f"{name}.tsv"


def indexed(folder: Path, entry: ListedBenchmark) -> IndexedBenchmark:
    """Return how an index of evaluations reads the questions of a benchmark in a folder."""
    parts = entry.model_dump(include=set(IndexedBenchmark.model_fields))
    return IndexedBenchmark.model_validate({"file": folder.name} | parts)


def write_config(folder: Path, config: BenchmarkConfig | EvaluationConfig) -> None:
    """Write `config.json` as a stage reads it."""
    resolved = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    kind = "benchmark" if isinstance(config, BenchmarkConfig) else "evaluation"
    written = {"kind": kind, "name": config.name, "hash": hash_of(kind, resolved)}
    (folder / "config.json").write_text(json.dumps(written | {"document": resolved}))


def evaluation_config(*, evaluation: dict | None = None, **changed) -> EvaluationConfig:
    """Return the config of a suite; `evaluation` replaces keys of that section, `changed` other keys."""
    settings = {
        "protocol": "report",
        "runs": 1,
        "temperature": 1.0,
        "top_p": 1.0,
        "max_new_tokens": 8,
        "confidence": 0.95,
        "resamples": 50,
    }
    known = {
        "version": 1,
        "name": "benchmarks",
        "seed": 1,
        "template": {"system": "s", "user_role": "user", "assistant_role": "assistant"},
        "images": {"min_tiles": 1, "max_tiles": 4, "max_pixels": 10**6},
        "generation": {"engine": "transformers", "mode": "slow"},
        "grading": {"accuracy_weight": 0.5, "format_weight": 0.5, "verifier": None},
        "run": "final-0123456789",
        "checkpoint": "last",
        "selection": None,
        "suite": "benchmarks",
        "benchmarks": {},
        "entries": {},
        "held_out": {},
    }
    section = {"evaluation": settings | (evaluation or {})}
    return EvaluationConfig.model_validate(known | section | changed)
