"""Runs complete published answer files through our evaluation, with pictures and prompts: `make conformance`.

Real questions go through `r1v3 evaluate` to a server on loopback that replays published answers. Prints a
table of our score beside the published and the adjudicated one, and writes that table and every difference
with its reason to results/conformance/.

The exit code is 1 if a score differs by more than 0.3 points, if a difference has no reason, or if a
question did not arrive as it was published.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests/conformance")]

from published_sets import (  # noqa: E402
    MODELS,
    ReplayedSet,
    emma_like,
    gaokao_mm,
    math_v,
    published_math_v,
    real_folder,
)
from replay import Replay, serve_replay  # noqa: E402

from r1v3.evaluate.any_model import evaluate, prepare_evaluation  # noqa: E402
from r1v3.render.text_table import TextTable, as_markdown, write_tables  # noqa: E402

UNEXPLAINED = "no reason yet"
TOLERANCE = 0.003  # 0.3 points
RECIPE = {
    "name": "conformance",
    "evaluation": {"runs": 1, "resamples": 200, "source": "files"},
    "generation": {"mode": "nothink"},  # published answers have no thought
}


@dataclass(frozen=True)
class Outcome:
    """One file, scored; `differences` are rows of `differences_of`."""

    name: str
    items: int
    ours: float
    adjudicated: float
    published: float
    unknown: int
    unasked: int
    seconds: float
    differences: list[list[str]]
    drawn: int

    @property
    def unexplained(self) -> int:
        """The differences for which no person has given a reason."""
        return sum(row[-1] == UNEXPLAINED for row in self.differences)

    @property
    def conforms(self) -> bool:
        """Whether all published questions arrived, and the score is the adjudicated one."""
        near = abs(self.ours - self.adjudicated) <= TOLERANCE
        return near and not (self.unknown or self.unasked or self.unexplained)


def workshop(folder: Path) -> Path:
    """Write a checkout's `config/` to a new folder, with the benchmarks of this suite."""
    config = folder / "config"
    (config / "recipes").mkdir(parents=True)
    for path in (ROOT / "config").glob("*.yaml"):
        (config / path.name).write_bytes(path.read_bytes())
    paper = (ROOT / "config/recipes/paper.yaml").read_bytes()
    (config / "recipes/paper.yaml").write_bytes(paper)
    (config / "recipes/conformance.yaml").write_text(yaml.safe_dump(RECIPE))
    table = yaml.safe_load((config / "benchmarks.yaml").read_text())
    table["mathvision"]["source"]["md5"] = None  # our own file of the same questions
    table["gaokao_mm"] = table["logicvista"] | {
        "title": "GAOKAO-MM",
        "source": {"kind": "user", "describe": "GAOKAO-MM's questions as a TSV"},
        "items_confirmed": False,
        "answer": {"form": "letters", "column": "answer", "options": "question"},
        "by": ["subject"],
        "published": {},
    }
    (config / "benchmarks.yaml").write_text(yaml.safe_dump(table, allow_unicode=True))
    return folder


def conform(replayed: ReplayedSet, files: Path, folder: Path, published: float) -> Outcome:
    """Ask, score and compare one file."""
    started = time.monotonic()
    replay = Replay(replayed.answers)
    settings = {"R1V3_BENCHMARKS": str(files), "R1V3_SERVER_KIND": "openai"}
    settings |= {"R1V3_SERVER_ATTEMPTS": "1", "R1V3_SERVER_CONCURRENCY": "4"}
    with serve_replay(replay) as address, patch.dict(os.environ, settings):
        ready = prepare_evaluation(
            folder,
            "conformance",
            f"{address}#replayed",
            benchmarks=[replayed.benchmark],
            name=files.name,
        )
        done = evaluate(folder, ready)
    scores = json.loads((done / "scores.json").read_text())["benchmarks"][replayed.benchmark]
    verdicts = pd.read_parquet(done / f"verdicts/{replayed.benchmark}.run-0.parquet")
    expected = replayed.expected
    settled = sum(one.settled for one in expected.values()) / len(expected)
    return Outcome(
        replayed.name,
        len(verdicts),
        scores["mean"],
        settled,
        published,
        len(replay.unknown),
        len(replay.answers) - len(replay.given),
        time.monotonic() - started,
        differences_of(replayed, verdicts),
        replayed.drawn,
    )


def differences_of(replayed: ReplayedSet, verdicts: pd.DataFrame) -> list[list[str]]:
    """Return a row for each verdict that differs from the published or adjudicated one, with reasons."""
    found = []
    for line in verdicts.to_dict("records"):
        known = replayed.expected[line["key"]]
        if line["correct"] == known.right == known.settled:
            continue
        reason = known.why_not or UNEXPLAINED
        if line["correct"] == known.right:
            reason = f"ours sides with the published verdict, a person did not: {reason}"
        words = ("right", "wrong")
        found.append(
            [
                replayed.name,
                line["key"],
                known.gold,
                line["response"][-80:].strip(),
                words[not known.right],
                words[not line["correct"]],
                f"{line['by']}: {line['reason']}",
                reason,
            ]
        )
    return found


def scores_table(outcomes: list[Outcome]) -> TextTable:
    """Return a table with one row for each file."""
    header = ["file", "n", "ours", "adjudicated", "published", "differences", "unexplained"]
    header += ["not as published", "pictures drawn", "seconds"]
    rows = [
        [
            one.name,
            str(one.items),
            *(f"{100 * share:.2f}" for share in (one.ours, one.adjudicated, one.published)),
            str(len(one.differences)),
            str(one.unexplained),
            str(one.unknown + one.unasked),
            str(one.drawn),
            f"{one.seconds:.0f}",
        ]
        for one in outcomes
    ]
    caption = (
        "Published answers, replayed through the whole evaluation. Adjudicated: the published verdicts with"
        " those turned that a person found wrong, each with its reason in the table of differences. Not as"
        " published: questions whose text or pictures the server did not know, or was not asked."
    )
    return TextTable(caption, header, rows)


def differences_table(outcomes: list[Outcome]) -> TextTable:
    """Return a table of all differences of all files."""
    header = ["file", "question", "gold", "answer's end", "published", "ours", "our rule", "why"]
    return TextTable(
        "Every verdict unlike the published or the adjudicated one.",
        header,
        [row for one in outcomes for row in one.differences],
    )


def run(folder: Path, limit: int | None = None) -> list[Outcome]:
    """Run all files of the suite, or the first questions of each.

    Args:
        folder: for files and results; it must be empty.
        limit: most questions of each file; None for all.
    """
    place = workshop(folder / "workshop")
    makers: list[tuple[str, Callable[[Path], ReplayedSet]]] = [
        ("gaokao_mm", lambda files: gaokao_mm(files, limit)),
        ("emma_like", lambda files: emma_like(files, limit)),
        *(
            (model, lambda files, model=model: math_v(model, files, limit))
            for model in MODELS
        ),
    ]  # fmt: skip
    outcomes = []
    for name, make in makers:
        files = folder / name
        replayed = make(files)
        if name in MODELS and limit is None:
            published = published_math_v(name)
        else:
            published = sum(one.right for one in replayed.expected.values()) / len(
                replayed.expected
            )
        outcomes.append(conform(replayed, files, place, published))
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, help="so many questions of each file")
    parser.add_argument("--output", type=Path, default=ROOT / "results/conformance")
    arguments = parser.parse_args()
    if not real_folder().is_dir():
        print(f"skipped: no real questions in {real_folder()}; set R1V3_REAL")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run(Path(folder), arguments.limit)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_tables(scores_table(outcomes), arguments.output, "scores")
    write_tables(differences_table(outcomes), arguments.output, "differences")
    print(as_markdown(scores_table(outcomes)))
    print(f"every difference with its reason: {arguments.output}/differences.html")
    return 0 if all(one.conforms for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
