"""Finds evaluation items in training data, and scores a model without those items.

A twin that a set removed was never learned, so it does not count. Two kinds of twins count. The first are
those that a set kept (`contaminated: list`). The second are in evaluations that changed after the set was
made; the set is compared with those again.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from PIL import Image

from r1v3.base.json_file import read_json
from r1v3.data.decontamination.evaluation_index import EvaluationIndex, Hit
from r1v3.data.decontamination.ngrams import Words
from r1v3.data.decontamination.phash import PictureHash, picture_hash
from r1v3.data.decontamination.question_text import question_words
from r1v3.data.records import Record, iter_records
from r1v3.recipe.outputs.config_file import read_resolved
from r1v3.recipe.schema.cleaning import CleaningRules

BATCH = 512


@dataclass(frozen=True)
class Contamination:
    """`twins` has set, record and hit of each twin; `scores` has a row for each benchmark with hits."""

    questions: int
    sets: list[str]
    twins: list[dict] = field(default_factory=list)
    scores: list[dict] = field(default_factory=list)
    shared: list[dict] = field(default_factory=list)

    @property
    def items(self) -> dict[str, set[str]]:
        """Return the hit items of each evaluation."""
        found: dict[str, set[str]] = {}
        for twin in self.twins:
            name, _, item = twin["twin"].partition("/")
            found.setdefault(name, set()).add(item)
        return found


def find_twins(
    folders: list[Path], index_folder: Path, cleaning: CleaningRules
) -> tuple[list[dict], int]:
    """Find the twins of the records that sets still contain; also return how many questions they match."""
    index = EvaluationIndex(index_folder, cleaning)
    found = []
    for folder in folders:
        manifest = read_json(folder / "manifest.json")
        resolved = read_resolved(folder / "config.json")
        if "questions" in resolved:
            asked = folder.parent / resolved["questions"]
            ids = {record.id for record in iter_records(folder)}
            hits = [hit for hit in _of_source(asked, index) if hit["id"] in ids]
        else:
            hits = _of_source(folder, index)
        found += [{**hit, "set": manifest["name"]} for hit in hits]
    return found, len(index.questions)


def _of_source(folder: Path, index: EvaluationIndex) -> list[dict]:
    facts = read_json(folder / "manifest.json", "facts")["facts"]
    if facts.get("evaluation_index") == index.digest:
        with open(folder / "twins.jsonl", encoding="utf-8") as lines:
            twins = [json.loads(line) for line in lines]
        return [t for t in twins if t["step"] == "contaminated" and t["action"] != "drop"]
    return [
        {"id": record.id, "question": record.question[:300], "twin": hit.twin, "kind": hit.kind,
         "text": round(hit.text, 3), "picture": round(hit.picture, 3)}
        for record, hits in records_with_twins(folder, index)
        for hit in hits
    ]  # fmt: skip


def records_with_twins(folder: Path, index: EvaluationIndex) -> list[tuple[Record, list[Hit]]]:
    """Return the records of a set that have twins in the evaluations."""
    words, found, batch = Words(), [], []
    cut = index.looks.settings.cut

    def flush() -> None:
        texts = words([question_words(record.question, record.options) for record in batch])
        looks = [
            [seen for image in r.images if (seen := _look(folder / image, cut)) is not None]
            for r in batch
        ]
        pictured = pd.Series([bool(record.images) for record in batch]).to_numpy(dtype=bool)
        hits = index.hits(texts, pictured, looks)
        found.extend((record, each) for record, each in zip(batch, hits, strict=True) if each)
        batch.clear()

    for record in iter_records(folder):
        batch.append(record)
        if len(batch) == BATCH:
            flush()
    if batch:
        flush()
    return found


def _look(path: Path, cut: bool) -> PictureHash | None:
    with Image.open(path) as image:
        return picture_hash(image.convert("RGB"), cut=cut)


def scores_without(scores: Path, tsvs: dict[str, Path], items: dict[str, set[str]]) -> list[dict]:
    """Compute each benchmark's score with and without its hit items, from the stored verdicts.

    An item is left out with its whole cluster (the rotations of a question, or a composite and its steps),
    because the metric over half a cluster would have another meaning.

    Args:
        scores: `scores.json`, beside its `verdicts/`.
        items: by benchmark, the keys of the items to leave out. Only these benchmarks are scored.

    Returns:
        Rows of benchmark, items, hits, left_out (items of clusters with a hit), score, and without (the
        score without them; None if nothing is left).
    """
    from r1v3.evaluate.compare import entry_of
    from r1v3.evaluate.items.load import load_scored
    from r1v3.evaluate.score import scored_frame
    from r1v3.evaluate.scorers import score_run

    rows = []
    for name, tsv in tsvs.items():
        if not items.get(name):
            continue
        entry = entry_of(scores.parent, name)
        known = load_scored(entry, tsv)
        frames = []
        for path in sorted((scores.parent / "verdicts").glob(f"{name}.run-*.parquet")):
            frame = pd.read_parquet(path)
            frame["columns"] = frame["key"].map(lambda key, known=known: known[key].columns)
            frame["extra"] = frame["key"].map(lambda key, known=known: known[key].extra)
            frames.append(frame)
        hit = items[name] & set(known)
        clusters = {known[key].cluster for key in hit}
        left = [frame[~frame["cluster"].isin(clusters)] for frame in frames]
        rows.append(
            {
                "benchmark": name,
                "items": len(known),
                "hits": len(hit),
                "left_out": sum(item.cluster in clusters for item in known.values()),
                "score": _mean([score_run(scored_frame(f), entry).value for f in frames]),
                "without": _mean([score_run(scored_frame(f), entry).value for f in left if len(f)]),
            }
        )
    return rows


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
