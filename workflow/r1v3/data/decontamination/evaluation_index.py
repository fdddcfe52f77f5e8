"""The index on disk of all questions that training data must not contain: benchmarks and held-out sets.

A training question is a hit if its text or one of its pictures matches an evaluation question. Text alone
counts only if it has `alone_words` words, or if neither question has a picture. Many questions of exams and
of drawn worlds have the same wording and differ only in the picture.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from r1v3.base.download import file_digest
from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.data.decontamination.ngram_index import TextIndex, TextWriter
from r1v3.data.decontamination.ngrams import Texts, Words
from r1v3.data.decontamination.phash import WHOLE, PictureHash, picture_hash, turned_looks
from r1v3.data.decontamination.phash_index import PhashIndex, PhashWriter
from r1v3.recipe.schema.cleaning import CleaningRules

BATCH = 512


@dataclass(frozen=True)
class IndexedQuestion:
    """A question of an evaluation: `key` is `<benchmark>/<item>`, and `pictures` are files."""

    key: str
    text: str
    pictures: tuple[Path, ...]


@dataclass(frozen=True)
class Hit:
    """A training question's twin; `text` and `picture` are similarities in [0, 1], 0 if they do not match."""

    twin: str
    text: float
    picture: float

    @property
    def kind(self) -> str:
        if self.text and self.picture:
            return "text and picture"
        return "text" if self.text else "picture"


def index_evaluations(
    cleaning: CleaningRules, questions: Iterable[IndexedQuestion], folder: Path
) -> dict:
    """Index every question in `folder/text` and `folder/looks`.

    Returns:
        Numbers of indexed questions and pictures of each evaluation, and of pictures too blank to recognise.
    """
    counts: dict[str, dict[str, int]] = {}
    words, keys = Words(), []
    text = TextWriter(folder / "text", cleaning.text, whole=True)
    looks = PhashWriter(folder / "looks", trims=True)
    for batch in _batches(questions):
        text.add(
            words([each.text for each in batch]), np.array([bool(each.pictures) for each in batch])
        )
        for each in batch:
            count = counts.setdefault(
                each.key.partition("/")[0], {"questions": 0, "pictures": 0, "blank": 0}
            )
            count["questions"] += 1
            for picture in each.pictures:
                seen = _look(picture, cleaning.pictures.cut)
                count["pictures" if seen is not None else "blank"] += 1
                if seen is not None:
                    looks.add(seen, len(keys))
                if seen is not None and seen.inner is not None:
                    looks.add(seen.inner, len(keys), inner=True)
            names = [picture.name for picture in each.pictures]
            keys.append({"key": each.key, "text": each.text[:500], "pictures": names})
    text.close()
    looks.close()
    lines = "".join(json.dumps(key, ensure_ascii=False) + "\n" for key in keys)
    (folder / "questions.jsonl").write_text(lines, encoding="utf-8")
    return {"questions": len(keys), "by": counts}


class EvaluationIndex:
    """The index that `index_evaluations` wrote."""

    def __init__(self, folder: Path, cleaning: CleaningRules):
        self.text = TextIndex(folder / "text", cleaning.text)
        self.looks = PhashIndex(folder / "looks", cleaning.pictures)
        self.digest = file_digest(folder / "questions.jsonl", "sha256")
        with open(folder / "questions.jsonl", encoding="utf-8") as lines:
            self.questions = [json.loads(line) for line in lines]

    def hits(
        self, texts: Texts, pictured: np.ndarray, looks: list[list[PictureHash]]
    ) -> list[list[Hit]]:
        """Return the twins of each question of a batch, the most similar first.

        Args:
            texts: see `r1v3.data.decontamination.ngrams.Words`.
            looks: perceptual hashes of each question's pictures.
        """
        by_text = self.text.twins(texts, pictured)
        parts = [
            [part for one in each for part in (one.inner, *one.parts) if part] for each in looks
        ]
        if self.looks.settings.turned:
            looks = [[way for one in each for way in (one, *turned_looks(one))] for each in looks]
        looks = [whole + cut for whole, cut in zip(looks, parts, strict=True)]
        owner = [n for n, each in enumerate(looks) for _ in each]
        by_look: list[dict[int, float]] = [{} for _ in looks]
        for n, found in zip(
            owner, self.looks.twins([one for each in looks for one in each]), strict=True
        ):
            for number, alike in found:
                by_look[n][number] = max(alike, by_look[n].get(number, 0.0))
        hits = []
        for text, seen, has_picture in zip(by_text, by_look, pictured, strict=True):
            if has_picture and self._is_template(text):
                text = {number: alike for number, alike in text.items() if number in seen}
            found = [
                Hit(self.questions[number]["key"], text.get(number, 0.0), seen.get(number, 0.0))
                for number in {**text, **seen}
            ]
            hits.append(sorted(found, key=lambda hit: (-hit.text - hit.picture, hit.twin)))
        return hits

    def _is_template(self, twins: dict[int, float]) -> bool:
        """Return whether a text is only a template: many questions with different pictures share it."""
        least = self.text.settings.template
        if least is None or len(twins) < least:
            return False
        of_twins = np.isin(self.looks.owners, list(twins)) & ~self.looks.inner
        return len(np.unique(self.looks.hashes[of_twins, WHOLE])) >= least

    def text_of(self, key: str) -> str:
        """Return the text of an evaluation's question."""
        return next(each["text"] for each in self.questions if each["key"] == key)


def _batches(questions: Iterable[IndexedQuestion]) -> Iterator[list[IndexedQuestion]]:
    batch: list[IndexedQuestion] = []
    for question in questions:
        batch.append(question)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _look(path: Path, cut: bool) -> PictureHash | None:
    try:
        with Image.open(path) as image:
            return picture_hash(image.convert("RGB"), cut=cut)
    except IMAGE_ERRORS:
        return None
