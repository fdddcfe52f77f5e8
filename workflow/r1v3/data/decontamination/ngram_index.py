"""An index of texts on disk: n-grams find texts inside longer ones, MinHash finds edited ones.

N-grams that occur in many indexed texts are boilerplate and do not count, as in GPT-3's decontamination
(Brown et al. 2020, appendix C). Candidates of both kinds are then compared exactly.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from r1v3.data.arrays import as_npy, mapped
from r1v3.data.decontamination.ngrams import BANDS, SHINGLE, Texts, band_keys, grams, jaccard
from r1v3.recipe.schema.cleaning import TextTwins

TAIL = 16  # number of words at the end of a question
MIN_TAIL = 0.7  # Jaccard similarity of these words in two questions that are the same


class TextWriter:
    """Writes an index of texts in batches. Only the n-grams need memory that grows with the texts.

    Args:
        whole: whether n-grams are also indexed, so that other texts can be searched for. Without them the
            index finds only near-duplicates among its own texts.
    """

    KINDS = {
        "bands": np.uint64, "shingles": np.uint32, "lengths": np.int64, "words": np.int64,
        "pictured": np.bool_, "found": np.uint64, "owner": np.uint32, "marks": np.uint64,
        "tails": np.uint32,
    }  # fmt: skip

    def __init__(self, folder: Path, settings: TextTwins, *, whole: bool):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.settings, self.whole, self.count = folder, settings, whole, 0
        self._out = {
            name: open(folder / f"{name}.raw", "wb")  # noqa: SIM115 closed by `close`
            for name in self.KINDS
        }

    def _write(self, name: str, values: np.ndarray) -> None:
        self._out[name].write(np.ascontiguousarray(values, dtype=self.KINDS[name]).data)

    def add(self, texts: Texts, pictured: np.ndarray, marks: Sequence[int] | None = None) -> None:
        """Index a batch of questions; `pictured` says which of them have pictures.

        Args:
            marks: `question_fingerprint` of each question, if near-duplicates among these are searched for.
        """
        hashes, starts = grams(texts, SHINGLE)
        self._write("bands", band_keys(hashes, starts))
        owner, short = _distinct(hashes, starts)
        self._write("shingles", short)
        self._write("lengths", np.bincount(owner, minlength=len(texts)))
        self._write("words", texts.lengths)
        self._write("pictured", pictured)
        if self.whole:
            owner, distinct = _distinct(*grams(texts, self.settings.ngram), 64)
            self._write("found", distinct)
            self._write("owner", owner + self.count)
        if marks is not None:
            self._write("marks", np.array(marks, dtype=np.uint64))
            self._write("tails", _tails(texts))
        self.count += len(texts)

    def close(self) -> None:
        """Write the files that `TextIndex` opens."""
        folder = self.folder
        for file in self._out.values():
            file.close()
        lengths = self._raw("lengths")
        np.save(folder / "starts.npy", np.concatenate(([0], np.cumsum(lengths))))
        np.save(folder / "words.npy", self._raw("words"))
        np.save(folder / "pictured.npy", self._raw("pictured"))
        if len(marks := self._raw("marks")):
            np.save(folder / "marks.npy", marks)
            np.save(folder / "tails.npy", self._raw("tails").reshape(-1, TAIL))
        as_npy(folder, "bands", np.uint64, (self.count, BANDS))
        as_npy(folder, "shingles", np.uint32, (int(lengths.sum()),))
        if self.whole:
            common = self.settings.common
            _save_grams(folder, self._raw("found"), self._raw("owner"), self.count, common)
        for name in self.KINDS:
            (folder / f"{name}.raw").unlink(missing_ok=True)

    def _raw(self, name: str) -> np.ndarray:
        return np.fromfile(self.folder / f"{name}.raw", self.KINDS[name])


class TextIndex:
    """An index of texts that can be searched. A text's number is its position in the index.

    Args:
        folder: folder of `TextWriter`.
        settings: thresholds for equal texts.
    """

    def __init__(self, folder: Path, settings: TextTwins):
        self.settings = settings
        self.bands, self.shingles, self.starts, self.words, self.pictured = (
            mapped(folder / f"{name}.npy")
            for name in ("bands", "shingles", "starts", "words", "pictured")
        )
        if (folder / "marks.npy").exists():
            self.marks, self.tails = (mapped(folder / f"{name}.npy") for name in ("marks", "tails"))
        if (folder / "grams.npy").exists():
            self.grams, self.gram_texts, self.gram_counts = (
                mapped(folder / f"{name}.npy") for name in ("grams", "gram_texts", "gram_counts")
            )
            self._order = np.argsort(self.bands, axis=0, kind="stable")
            self._keys = np.take_along_axis(self.bands, self._order, axis=0)

    def shingles_of(self, number: int) -> np.ndarray:
        """Return the distinct shingles of a text, sorted."""
        return self.shingles[self.starts[number] : self.starts[number + 1]]

    def twins(self, texts: Texts, pictured: np.ndarray) -> list[dict[int, float]]:
        """Return for each text the indexed texts that it repeats, with the larger of containment and Jaccard.

        If either question has pictures, a text of fewer than `alone_words` words is not compared.
        """
        found: list[dict[int, float]] = [{} for _ in range(len(texts))]
        if not len(texts) or not len(self.words):
            return found
        for asked, number, share in self._contained(texts):
            enough = self._comparable(texts.lengths[asked], pictured[asked], number)
            if enough and share >= self.settings.min_containment:
                found[asked][number] = share
        hashes, starts = grams(texts, SHINGLE)
        owner, short = _distinct(hashes, starts)
        ends = np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=len(texts)))))
        for pair in self._candidates(band_keys(hashes, starts), texts.lengths, pictured):
            asked, number = int(pair >> np.uint64(32)), int(pair & np.uint64(0xFFFFFFFF))
            alike = jaccard(short[ends[asked] : ends[asked + 1]], self.shingles_of(number))
            if alike >= self.settings.min_jaccard:
                found[asked][number] = max(alike, found[asked].get(number, 0.0))
        return found

    def alike(self, one: int, other: int) -> float:
        """Return the Jaccard similarity of two indexed questions; 0 if they ask for something else.

        Questions about the same passage share most of their words, so their ends are also compared
        separately.
        """
        if self.marks[one] != self.marks[other]:
            return 0.0
        ends = [np.unique(self.tails[each][self.tails[each] > 0]) for each in (one, other)]
        if len(ends[0]) and jaccard(*ends) < MIN_TAIL:
            return 0.0
        return jaccard(self.shingles_of(one), self.shingles_of(other))

    def own_twins(self) -> Iterator[tuple[int, int, float]]:
        """Yield near-duplicates among the indexed texts as (later, earlier, Jaccard), in order of the later.

        In a group of equal keys and marks, each text is compared with the first one and with the one before
        it, over all bands. So the work grows with the number of texts, not with its square. If both questions
        have pictures, their texts alone decide nothing.
        """
        if not len(self.words):
            return
        enough = self._says_enough(self.words, self.pictured) & (self.words > 0)
        pairs = np.zeros(0, dtype=np.uint64)
        for band in range(BANDS):
            keys = self.bands[:, band] ^ self.marks
            order = np.flatnonzero(enough)
            order = order[np.argsort(keys[order], kind="stable")]
            keys = keys[order]
            begins = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
            group = np.cumsum(np.concatenate(([True], keys[1:] != keys[:-1]))) - 1
            inner = np.flatnonzero(np.arange(len(order)) > begins[group])
            later = order[inner].astype(np.uint64) << np.uint64(32)
            for earlier in (order[begins[group[inner]]], order[inner - 1]):
                pairs = np.union1d(pairs, later | earlier.astype(np.uint64))
        for pair in pairs:
            later, earlier = int(pair >> np.uint64(32)), int(pair & np.uint64(0xFFFFFFFF))
            if self.pictured[later] and self.pictured[earlier]:
                continue
            alike = self.alike(later, earlier)
            if alike >= self.settings.min_jaccard:
                yield later, earlier, alike

    def _says_enough(self, words, pictured):
        return (words >= self.settings.alone_words) | np.logical_not(pictured)

    def _comparable(self, lengths, pictured, numbers):
        """Return whether texts are long enough to be compared with indexed ones."""
        words = np.minimum(self.words[numbers], lengths)
        enough = self._says_enough(words, np.logical_or(self.pictured[numbers], pictured))
        return enough & (self.gram_counts[numbers] > 0)

    def _contained(self, texts: Texts) -> Iterator[tuple[int, int, float]]:
        hashes, starts = grams(texts, self.settings.ngram)
        owner, distinct = _distinct(hashes, starts, 64)
        low = np.searchsorted(self.grams, distinct, side="left")
        high = np.searchsorted(self.grams, distinct, side="right")
        hits = np.flatnonzero(high > low)
        pairs: dict[tuple[int, int], int] = {}
        for hit in hits:
            for number in self.gram_texts[low[hit] : high[hit]]:
                key = (int(owner[hit]), int(number))
                pairs[key] = pairs.get(key, 0) + 1
        for (asked, number), shared in pairs.items():
            yield asked, number, shared / int(self.gram_counts[number])

    def _candidates(self, keys: np.ndarray, lengths: np.ndarray, pictured: np.ndarray):
        """Return the comparable pairs that share a key, each once, as (text << 32) + number."""
        pairs = np.zeros(0, dtype=np.uint64)
        for band in range(BANDS):
            low = np.searchsorted(self._keys[:, band], keys[:, band], side="left")
            high = np.searchsorted(self._keys[:, band], keys[:, band], side="right")
            counts = np.where(keys[:, band] != 0, high - low, 0)
            asked = np.repeat(np.arange(len(keys)), counts)
            place = np.arange(len(asked)) - np.repeat(np.cumsum(counts) - counts - low, counts)
            number = self._order[place, band]
            fit = self._comparable(lengths[asked], pictured[asked], number)
            packed = (asked[fit].astype(np.uint64) << np.uint64(32)) | number[fit].astype(np.uint64)
            pairs = np.union1d(pairs, packed)
        return pairs


def _tails(texts: Texts) -> np.ndarray:
    """Return hashes of each text's last words, uint32 of shape (texts, TAIL); 0 for missing words."""
    found = np.zeros((len(texts), TAIL), dtype=np.uint32)
    place = texts.starts[1:, None] - 1 - np.arange(TAIL)
    inside = place >= texts.starts[:-1, None]
    if len(texts.words):
        found[inside] = (texts.words[place[inside]] >> np.uint64(33)).astype(np.uint32) + 1
    return found


def _distinct(hashes: np.ndarray, starts: np.ndarray, bits: int = 32):
    """Return the distinct hashes of each text, sorted, and the text of each hash."""
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    values = hashes >> np.uint64(64 - bits) if bits < 64 else hashes
    order = np.lexsort((values, owner))
    owner, values = owner[order], values[order]
    if not len(values):
        return owner, values
    new = np.concatenate(([True], (values[1:] != values[:-1]) | (owner[1:] != owner[:-1])))
    return owner[new], values[new]


def _save_grams(folder: Path, found, owner, texts: int, common: int) -> None:
    """Sort and save the n-grams, without those that occur in more than `common` texts."""
    order = np.argsort(found, kind="stable")
    found, owner = found[order], owner[order]
    _, inverse, many = np.unique(found, return_inverse=True, return_counts=True)
    rare = many[inverse] <= common
    np.save(folder / "grams.npy", found[rare])
    np.save(folder / "gram_texts.npy", owner[rare])
    np.save(folder / "gram_counts.npy", np.bincount(owner[rare], minlength=texts))
