"""Finds near-duplicates within a set, and between sets that a model learns from in sequence."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from r1v3.data.decontamination.evaluation_index import Hit
from r1v3.data.decontamination.ngram_index import TextIndex, TextWriter
from r1v3.data.decontamination.ngrams import Words
from r1v3.data.decontamination.phash import picture_hash
from r1v3.data.decontamination.phash_index import PhashIndex, PhashWriter
from r1v3.data.decontamination.question_text import question_fingerprint, question_words
from r1v3.data.records import Record, iter_records
from r1v3.recipe.schema.cleaning import CleaningRules

BATCH = 512


def find_duplicates(folder: Path, cleaning: CleaningRules) -> dict[int, Hit]:
    """Return the twin of each later question that repeats an earlier one; its key is the earlier number.

    Two questions are the same if their `question_fingerprint` is equal and their words are nearly equal, also
    at their ends. If both have pictures, each picture of the later one must equal a picture of the earlier
    one in every detail.

    Args:
        folder: folder with the indexes `text` and `looks` of the questions.
    """
    text = TextIndex(folder / "text", cleaning.text)
    looks = PhashIndex(folder / "looks", cleaning.pictures)
    found: dict[int, Hit] = {}
    for later, earlier, alike in text.own_twins():
        if later not in found:
            found[later] = Hit(str(earlier), alike, 0.0)
    least = cleaning.text.min_jaccard
    texts: dict[tuple[int, int], float] = {}
    matched: dict[tuple[int, int], list[float]] = {}
    for begin in range(0, len(looks.thumbs), BATCH):
        end = min(begin + BATCH, len(looks.thumbs))

        def wanted(asked: int, picture: int, begin: int = begin) -> bool:
            later, earlier = int(looks.owners[begin + asked]), int(looks.owners[picture])
            if earlier >= later:
                return False
            if (later, earlier) not in texts:
                texts[later, earlier] = text.alike(later, earlier)
            return texts[later, earlier] >= least

        twins = looks.twins([looks.look(n) for n in range(begin, end)], exact=True, wanted=wanted)
        for position, pairs in enumerate(twins, begin):
            for earlier, alike in pairs:
                matched.setdefault((int(looks.owners[position]), earlier), []).append(alike)
        texts.clear()
    pictures = np.bincount(looks.owners, minlength=len(text.words))
    for (later, earlier), likes in sorted(matched.items()):
        whole = len(likes) == pictures[later] == pictures[earlier]
        if whole and (later not in found or not found[later].picture):
            found[later] = Hit(str(earlier), text.alike(later, earlier), max(likes))
    return found


def shared_questions(folders: list[Path], cleaning: CleaningRules) -> list[dict]:
    """Return a row for each pair of sets that share questions or pictures: set, earlier set, and counts.

    Returns:
        Rows with `ids` (equal ids), `count` (near-duplicates by text and pictures), `pictures`
        (byte-identical, of either question) and `first`, a pair of ids.
    """
    words, batch, names, ids = Words(), [], [], []
    rows: dict[tuple[str, str], dict] = {}
    # By set: each id and picture, and the first record that has it.
    firsts: dict[str, dict[tuple[str, str], str]] = {}

    def note(later: str, earlier: str, what: str, pair: tuple[str, str]) -> None:
        none = {"ids": 0, "count": 0, "pictures": 0}
        row = {"set": later, "earlier": earlier, **none, "first": pair}
        rows.setdefault((later, earlier), row)[what] += 1

    with tempfile.TemporaryDirectory() as place:
        text = TextWriter(Path(place) / "text", cleaning.text, whole=False)
        looks = PhashWriter(Path(place) / "looks", trims=False)

        def flush() -> None:
            pictured = np.array([bool(record.images) for record in batch])
            marks = [
                question_fingerprint(each.question, each.options, each.answer) for each in batch
            ]
            text.add(
                words([question_words(each.question, each.options) for each in batch]),
                pictured,
                marks,
            )
            batch.clear()

        for folder, record in _records(folders):
            name = folder.name.rpartition("-")[0]
            own = firsts.setdefault(name, {})
            for what, value in [
                ("ids", record.id),
                *(("pictures", each) for each in record.images),
            ]:
                for earlier, seen in firsts.items():
                    if earlier != name and (what, value) in seen and (what, value) not in own:
                        note(name, earlier, what, (record.id, seen[what, value]))
                own.setdefault((what, value), record.id)
            for image in record.images:
                with Image.open(folder / image) as picture:
                    seen = picture_hash(picture.convert("RGB"))
                if seen is not None:
                    looks.add(seen, len(ids))
            names.append(name)
            ids.append(record.id)
            batch.append(record)
            if len(batch) == BATCH:
                flush()
        if batch:
            flush()
        text.close()
        looks.close()
        for later, hit in sorted(find_duplicates(Path(place), cleaning).items()):
            earlier = int(hit.twin)
            if names[later] == names[earlier]:
                continue
            note(names[later], names[earlier], "count", (ids[later], ids[earlier]))
    return list(rows.values())


def _records(folders: list[Path]) -> Iterator[tuple[Path, Record]]:
    for folder in folders:
        for record in iter_records(folder):
            yield folder, record
