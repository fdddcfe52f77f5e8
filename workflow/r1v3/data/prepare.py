"""Data preparation (section 2): turns sources into one clean set of records and pictures.

Each row of a source is read and checked. Then its licence and date are checked, and it is compared with all
other rows and with the evaluations. Last, samples are drawn to the set's size. `rejected.jsonl` lists every
row that is left out, and `twins.jsonl` every twin. Rows read = rows kept + rows rejected.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from PIL import Image

from r1v3.base.progress import Progress
from r1v3.data.balance import draw_balanced
from r1v3.data.decontamination.evaluation_index import EvaluationIndex, Hit
from r1v3.data.fields import Rejected
from r1v3.data.gates import check_date, check_licence
from r1v3.data.pool import Pool
from r1v3.data.records import Record, write_records
from r1v3.data.rejected import Rejections
from r1v3.data.sources.read import DOWNLOADS, SourceRow, open_sources
from r1v3.data.validate import Validator
from r1v3.recipe.graph.configs import SourceDataConfig
from r1v3.recipe.schema.cleaning import CleaningRules
from r1v3.recipe.schema.data import SourceSet

ASKED = ("select", "split")  # steps that most sources do not use
STEPS = (*ASKED, "valid", "licence", "date", "duplicate", "contaminated", "drawn")


class NothingLeftError(ValueError):
    """Raised if every row of a set was rejected."""


def prepare(config: SourceDataConfig, folder: Path, index: Path | None = None) -> dict:
    """Write a data set of the recipe into `folder`.

    Args:
        index: folder of the evaluations' index, if the set is compared with it.

    Returns:
        Counts by domain, answer type, difficulty and task, and the number of rows that each step left out.

    Raises:
        ValueError: no row is left, or a source cannot be fetched.
    """
    spec, cleaning, name = config.set, config.cleaning, config.name
    folder.mkdir(parents=True, exist_ok=True)
    against = None
    if spec.contaminated is not None:
        if index is None:
            raise ValueError(
                f"{name}: with `contaminated` set, the index of the evaluations is needed"
            )
        against = EvaluationIndex(index, cleaning)
    seek = spec.duplicates is not None
    read = 0
    with Rejections(folder) as rejected:
        sources = open_sources(config, folder)
        pool = Pool(folder / ".pool", folder, cleaning, index=against, seek=seek)
        with pool:
            check = Validator(cleaning.limits)
            progress = Progress(sources.expected, f"prepare {name}: row")
            for row in sources:
                read += 1
                progress.advance()
                if _take(row, check, spec, cleaning, pool, rejected):
                    sources.take(row)
        left = _drop_twins(spec, pool, folder, rejected)
        kept_numbers, shortfalls = _draw(config, pool, left, rejected)
        counted = Counted()
        kept = (r for n, r in enumerate(pool.records()) if n in kept_numbers)
        write_records(folder, counted.seen(kept))
        pool.remove(counted.images)
        shutil.rmtree(folder / DOWNLOADS, ignore_errors=True)
        facts = rejected.facts
    kept = counted.count
    if not kept:
        raise NothingLeftError(f"{name}: none of {read} rows is left; rejected.jsonl says why")
    return {
        **counted.facts,
        "steps": funnel(read, facts["rejected"], kept),
        **facts,
        "shortfalls": shortfalls,
        "hits": _count_hits(pool.hits),
        "evaluation_index": against.digest if against else None,
        "sources": sources.facts,
    }


def _take(
    row: SourceRow,
    check: Validator,
    spec: SourceSet,
    cleaning: CleaningRules,
    pool: Pool,
    rejected: Rejections,
) -> bool:
    """Add a row to the pool, or reject it at the first step that it fails; return whether it was added."""
    fields, step = row.fields, row.step
    check.pictures = row.pictures
    try:
        if isinstance(fields, Rejected):
            raise fields
        record, pictures = check(fields)
        step = "licence"
        check_licence(record, cleaning.licences, row.training)
        step = "date"
        check_date(record, spec.before, spec.undated)
    except Rejected as refused:
        known = fields if isinstance(fields, dict) else row.told or {}
        text = known.get("question")
        question = text if isinstance(text, str) else None
        rejected.add(
            step, refused.reason, where=row.where, source=row.source, id=_named(known.get("id")),
            detail=refused.detail, question=question, thumbnail=lambda: check.first_picture(known),
        )  # fmt: skip
        return False
    pool.add(record, pictures, row.where)
    return True


def _named(id: object) -> str | int | None:
    """Return an id for the list; as text if a rejected row has a value of another type."""
    return id if isinstance(id, str | int | None) else str(id)


def _drop_twins(spec: SourceSet, pool: Pool, folder: Path, rejected: Rejections) -> set[int]:
    """Return the numbers of the remaining candidates: those without a twin that the recipe drops."""
    duplicates = pool.duplicates() if pool.seek else {}
    left = set(range(pool.count))
    if not duplicates and not pool.hits:
        (folder / "twins.jsonl").write_text("")
        return left
    ids = {int(hit.twin): "" for hit in duplicates.values()}
    for number, record in enumerate(pool.records()):
        if number in ids:
            ids[number] = record.id
    with open(folder / "twins.jsonl", "w", encoding="utf-8") as lines:
        for number, (record, where) in enumerate(pool.placed()):
            found: list[tuple[str, str | None, Hit]] = []
            if number in duplicates:
                hit = duplicates[number]
                found.append(("duplicate", spec.duplicates, Hit(ids[int(hit.twin)], *_likes(hit))))
            found += [
                ("contaminated", spec.contaminated, each) for each in pool.hits.get(number, ())
            ]
            for step, action, hit in found:
                line = {"id": record.id, "step": step, "action": action, **_shown(hit)}
                lines.write(json.dumps(line | {"question": record.question[:300]}) + "\n")
            drop = next((each for each in found if each[1] == "drop"), None)
            if drop:
                left.discard(number)
                step, _, hit = drop
                rejected.add(
                    step, f"same {hit.kind}", where=where, source=record.source, id=record.id,
                    detail=f"as {hit.twin}: text {hit.text:.3f}, picture {hit.picture:.3f}",
                    question=record.question, thumbnail=partial(_first, folder, record), **_shown(hit),
                )  # fmt: skip
    return left


def _first(folder: Path, record: Record) -> Image.Image | None:
    """Return a candidate's first picture, or None."""
    if not record.images:
        return None
    with Image.open(folder / record.images[0]) as image:
        return image.convert("RGB")


def _likes(hit: Hit) -> tuple[float, float]:
    return hit.text, hit.picture


def _shown(hit: Hit) -> dict:
    return {
        "twin": hit.twin,
        "kind": hit.kind,
        "text": round(hit.text, 3),
        "picture": round(hit.picture, 3),
    }


def _draw(
    config: SourceDataConfig, pool: Pool, left: set[int], rejected: Rejections
) -> tuple[set[int], list[dict]]:
    """Draw the set's size from the remaining candidates, with the shares of `balance`.

    Returns:
        Numbers of the drawn candidates, and a row for each cell with too few.
    """
    spec = config.set
    if spec.balance is None and len(left) <= spec.size:
        short = [{"cell": [], "wanted": spec.size, "found": len(left)}]
        return left, short if len(left) < spec.size else []
    by = list(spec.balance or ())
    numbers, cells = [], []
    for number, record in enumerate(pool.records()):
        if number in left:
            numbers.append(number)
            cells.append(tuple(getattr(record, field) for field in by))
    seed = f"{config.seed}/{config.name}"
    positions, short = draw_balanced(cells, spec.size, spec.balance, seed)
    kept = {numbers[position] for position in positions}
    if len(kept) < len(left):
        for number, (record, where) in enumerate(pool.placed()):
            if number in left and number not in kept:
                asked = ", ".join(getattr(record, field) for field in by) or f"{spec.size:,} in all"
                rejected.add(
                    "drawn", "more than asked for", where=where, source=record.source, id=record.id,
                    detail=f"of {asked}", question=record.question,
                    thumbnail=partial(_first, pool.images, record),
                )  # fmt: skip
    return kept, short


def funnel(read: int, rejected: dict[str, dict[str, int]], kept: int) -> list[dict]:
    """Return the number of rows that were read, left out by each step, and kept."""
    rows = [{"step": "read", "removed": 0, "left": read}]
    for step in STEPS:
        removed = sum(rejected.get(step, {}).values())
        if step in ASKED and not removed:
            continue
        rows.append({"step": step, "removed": removed, "left": rows[-1]["left"] - removed})
    assert rows[-1]["left"] == kept, "a row is neither kept nor rejected"
    return rows


def _count_hits(hits: dict[int, list[Hit]]) -> dict[str, int]:
    """Count the candidates that have a twin, by evaluation."""
    found = Counter(
        name for each in hits.values() for name in {h.twin.partition("/")[0] for h in each}
    )
    return dict(sorted(found.items()))


class Counted:
    """Counts records that pass through: in total, and by field."""

    FIELDS = ("domain", "answer_type", "difficulty", "language", "source", "licence")

    def __init__(self):
        self.count = 0
        self.images: set[str] = set()
        self.by: dict[str, Counter[str]] = {field: Counter() for field in (*self.FIELDS, "task")}

    def seen(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the same records, and count them."""
        for record in records:
            self.count += 1
            self.images.update(record.images)
            for field in self.FIELDS:
                self.by[field][getattr(record, field)] += 1
            self.by["task"][record.meta.get("task", "")] += 1
            yield record

    @property
    def facts(self) -> dict:
        counts = {key: dict(sorted(counter.items())) for key, counter in self.by.items()}
        return {"records": self.count, "images": len(self.images), **counts}


def count_records(records: Iterable[Record]) -> dict:
    """Count records, in total and by field."""
    counted = Counted()
    for _ in counted.seen(records):
        pass
    return counted.facts
