"""Near-duplicates: within a set, and between the sets that a model learns from one after another."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from r1v3.data.decontamination.evaluation_index import Hit
from r1v3.data.decontamination.ngram_index import TextIndex, TextWriter
from r1v3.data.decontamination.ngrams import Words
from r1v3.data.decontamination.phash import thumbnail
from r1v3.data.decontamination.phash_index import PhashIndex, PhashWriter
from r1v3.data.decontamination.question_text import said
from r1v3.data.records import Record, iter_records
from r1v3.recipe.schema.cleaning import CleaningRules

BATCH = 512


def find_duplicates(folder: Path, cleaning: CleaningRules) -> dict[int, Hit]:
    """Later questions that repeat an earlier one, by number; the twin's key is the earlier one's number.

    Questions with pictures are the same if both their texts and a picture are; a text that says enough
    needs no picture (see `r1v3.data.decontamination.ngram_index`).

    Args:
        folder: holds the indexes `text` and `looks` of the questions.
    """
    text = TextIndex(folder / "text", cleaning.text)
    looks = PhashIndex(folder / "looks", cleaning.pictures)
    found: dict[int, Hit] = {}
    for later, earlier, alike in text.own_twins():
        if later not in found:
            found[later] = Hit(str(earlier), alike, 0.0)
    least = cleaning.text.min_jaccard
    for begin in range(0, len(looks.thumbs), BATCH):
        end = min(begin + BATCH, len(looks.thumbs))
        twins = looks.twins(looks.thumbs[begin:end], before=range(begin, end))
        for position, pairs in enumerate(twins, begin):
            later = int(looks.owners[position])
            for earlier, look in pairs:
                alike = text.alike(later, earlier) if earlier < later else 0.0
                if alike >= least and (later not in found or not found[later].picture):
                    found[later] = Hit(str(earlier), alike, look)
    return found


def shared_questions(folders: list[Path], cleaning: CleaningRules) -> list[dict]:
    """Pairs of sets that share questions: set, earlier set, how many, and the first pair of ids."""
    words, batch, names, ids = Words(), [], [], []
    with tempfile.TemporaryDirectory() as place:
        text = TextWriter(Path(place) / "text", cleaning.text, whole=False)
        looks = PhashWriter(Path(place) / "looks", trims=False)

        def flush() -> None:
            pictured = np.array([bool(record.images) for record in batch])
            text.add(words([said(record.question, record.options) for record in batch]), pictured)
            batch.clear()

        for folder, record in _records(folders):
            for image in record.images:
                with Image.open(folder / image) as picture:
                    thumb = thumbnail(picture.convert("RGB"))
                if thumb is not None:
                    looks.add(thumb, len(ids))
            names.append(folder.name.rpartition("-")[0])
            ids.append(record.id)
            batch.append(record)
            if len(batch) == BATCH:
                flush()
        if batch:
            flush()
        text.close()
        looks.close()
        rows: dict[tuple[str, str], dict] = {}
        for later, hit in sorted(find_duplicates(Path(place), cleaning).items()):
            earlier = int(hit.twin)
            if names[later] == names[earlier]:
                continue
            row = rows.setdefault(
                (names[later], names[earlier]),
                {"set": names[later], "earlier": names[earlier], "count": 0,
                 "first": (ids[later], ids[earlier])},
            )  # fmt: skip
            row["count"] += 1
    return list(rows.values())


def _records(folders: list[Path]) -> Iterator[tuple[Path, Record]]:
    for folder in folders:
        for record in iter_records(folder):
            yield folder, record
