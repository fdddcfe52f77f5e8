"""Stores the candidates of a set on disk: records, pictures and hashes, before a choice is made.

Memory contains one batch, a byte or two per record, and the twins found. Everything else is on disk.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np

from r1v3.data.decontamination.duplicates import find_duplicates
from r1v3.data.decontamination.evaluation_index import EvaluationIndex, Hit
from r1v3.data.decontamination.ngram_index import TextWriter
from r1v3.data.decontamination.ngrams import Words
from r1v3.data.decontamination.phash import PictureHash, picture_hash
from r1v3.data.decontamination.phash_index import PhashWriter
from r1v3.data.decontamination.question_text import question_fingerprint, question_words
from r1v3.data.pictures import AdmittedPicture
from r1v3.data.records import Record, RecordWriter, iter_records, store_bytes
from r1v3.recipe.schema.cleaning import CleaningRules

BATCH = 512
PLACES = "places.jsonl"


class Pool:
    """Collects records with decoded pictures, and finds twins among them and in the evaluations.

    Args:
        folder: folder of the candidates; `remove` deletes it.
        images: folder of the set; pictures are stored below its `images/`.
        index: index of the evaluations to compare with, or None.
        seek: whether near-duplicates are searched for.
    """

    def __init__(
        self,
        folder: Path,
        images: Path,
        cleaning: CleaningRules,
        *,
        index: EvaluationIndex | None,
        seek: bool,
    ):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder, self.images, self.cleaning = folder, images, cleaning
        self.index, self.seek = index, seek
        self.hits: dict[int, list[Hit]] = {}
        self.count = 0
        self._words = Words()
        self._batch: list[tuple[Record, list[PictureHash]]] = []

    def __enter__(self) -> Self:
        self._records = RecordWriter(self.folder).__enter__()
        self._places = open(self.folder / PLACES, "w", encoding="utf-8")
        self._text = TextWriter(self.folder / "text", self.cleaning.text, whole=False)
        self._looks = PhashWriter(self.folder / "looks", trims=False)
        return self

    def __exit__(self, kind, *rest) -> None:
        if kind is None:
            self._flush()
            self._text.close()
            self._looks.close()
        self._places.close()
        self._records.__exit__(kind, *rest)

    def add(self, record: Record, pictures: list[AdmittedPicture], where: str) -> None:
        """Add a record from the file and row `where`; store its pictures and set its `images`."""
        self.count += 1
        paths = tuple(store_bytes(self.images, each.data, each.suffix) for each in pictures)
        record = replace(record, images=paths)
        self._records.add(record)
        self._places.write(json.dumps(where) + "\n")
        if self.seek or self.index is not None:
            cut = self.index is not None and self.cleaning.pictures.cut
            looks = [picture_hash(each.image, cut=cut) for each in pictures]
            self._batch.append((record, [each for each in looks if each is not None]))
            if len(self._batch) == BATCH:
                self._flush()

    def _flush(self) -> None:
        if not self._batch:
            return
        first = self.count - len(self._batch)
        texts = self._words(
            [question_words(record.question, record.options) for record, _ in self._batch]
        )
        pictured = np.array([bool(record.images) for record, _ in self._batch])
        looks = [found for _, found in self._batch]
        if self.seek:
            marks = [
                question_fingerprint(each.question, each.options, each.answer)
                for each, _ in self._batch
            ]
            self._text.add(texts, pictured, marks)
            for number, found in enumerate(looks):
                for each in found:
                    self._looks.add(each, first + number)
        if self.index is not None:
            for number, hits in enumerate(self.index.hits(texts, pictured, looks)):
                if hits:
                    self.hits[first + number] = hits
        self._batch.clear()

    def records(self):
        """Return all candidates, in order."""
        return iter_records(self.folder)

    def placed(self) -> Iterator[tuple[Record, str]]:
        """Yield all candidates, in order, each with its file and row."""
        with open(self.folder / PLACES, encoding="utf-8") as lines:
            for record, line in zip(self.records(), lines, strict=True):
                yield record, json.loads(line)

    def duplicates(self) -> dict[int, Hit]:
        """Return the later candidates that repeat an earlier one; a twin's key is the earlier number."""
        return find_duplicates(self.folder, self.cleaning)

    def remove(self, used: set[str]) -> None:
        """Delete the candidates, and all stored pictures that no record of the set uses."""
        shutil.rmtree(self.folder)
        for path in sorted((self.images / "images").glob("*/*")):
            if path.relative_to(self.images).as_posix() not in used:
                path.unlink()
