"""Thumbnails by perceptual hash, on disk: memory-mapped tables, sorted by each byte of the hash.

Hashes that differ in at most 7 of 64 bits agree in one byte of eight at least, so a look into eight stretches
of the sorted tables finds every such pair; at 8 bits one in hundreds is missed.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from r1v3.data.arrays import as_npy, mapped
from r1v3.data.decontamination.details import DETAIL
from r1v3.data.decontamination.phash import (
    SIDE,
    VARIANTS,
    WHOLE,
    Look,
    hashes,
    likeness,
    same_details,
)
from r1v3.recipe.schema.cleaning import PictureTwins

BYTES = 8
PAIRS_AT_A_TIME = 100_000  # what stays in a core's cache
MOST_COMPARED = 64  # candidates of a picture, by bits, whose thumbnails are compared
MOST_DETAILED = 8  # candidates of a picture, by likeness, whose details are compared
EXACT_BLOCK = (
    0.77  # correlation of every block in two pictures that are one but for how they were packed
)
SAME_BLOCK = 0.6  # correlation of a block in two pictures that are one
MOST_BLOCKS = 0.95  # of blocks that agree in a changed picture
MARKED_BLOCKS = 0.85  # of them where `min_detail` holds half of the blocks to more


class ByteTable:
    """Hashes that are found again within a few bits: `<name>.<part>.npy` in a folder."""

    def __init__(self, folder: Path, name: str):
        self.hashes, self.entries, self.starts = (
            mapped(folder / f"{name}.{part}.npy") for part in ("hashes", "entries", "starts")
        )

    @staticmethod
    def build(folder: Path, name: str, hashes: np.ndarray) -> None:
        """Write the table of an array of hashes (uint64); an entry is a position in it."""
        count = len(hashes)
        starts = np.zeros((BYTES, 257), dtype=np.int64)
        sorted_, entries = (
            np.lib.format.open_memmap(
                folder / f"{name}.{part}.npy", mode="w+", dtype=kind, shape=(BYTES, count)
            )
            for part, kind in (("hashes", np.uint64), ("entries", np.uint32))
        )
        for number in range(BYTES):
            byte = _byte(hashes, number)
            order = np.argsort(byte, kind="stable")
            sorted_[number], entries[number] = hashes[order], order
            starts[number, 1:] = np.cumsum(np.bincount(byte, minlength=256))
        np.save(folder / f"{name}.starts.npy", starts)

    def near(self, asked: np.ndarray, bits: int) -> Iterator[tuple[int, int]]:
        """Pairs (position in `asked`, entry) whose hashes differ in at most so many bits; some repeat."""
        for number in range(BYTES if len(self.hashes[0]) else 0):
            byte = _byte(asked, number)
            low, high = self.starts[number][byte], self.starts[number][byte + 1]
            begin = 0
            while begin < len(asked):
                many = np.cumsum(high[begin:] - low[begin:])
                end = begin + max(1, int(np.searchsorted(many, PAIRS_AT_A_TIME, side="right")))
                counts = high[begin:end] - low[begin:end]
                who = np.repeat(np.arange(begin, end), counts)
                place = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
                place += np.repeat(low[begin:end], counts)
                apart = np.bitwise_count(self.hashes[number][place] ^ asked[who])
                for each in np.flatnonzero(apart <= bits):
                    yield int(who[each]), int(self.entries[number][place[each]])
                begin = end


def _byte(hashes: np.ndarray, number: int) -> np.ndarray:
    return ((hashes >> np.uint64(8 * number)) & np.uint64(255)).astype(np.int64)


class PhashWriter:
    """Writes an index of thumbnails, one at a time.

    Args:
        trims: the index also finds what is a trimmed version of another.
    """

    def __init__(self, folder: Path, *, trims: bool):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.variants, self.owners = folder, VARIANTS if trims else 1, []
        self._starts = [0]
        self._thumbs = open(folder / "thumbs.raw", "wb")  # noqa: SIM115 closed by `close`
        self._details = open(folder / "details.bin", "wb")  # noqa: SIM115 closed by `close`

    def add(self, look: Look, owner: int) -> None:
        self._thumbs.write(np.ascontiguousarray(look.thumb).data)
        packed = zlib.compress(np.ascontiguousarray(look.detail).data, level=1)
        self._details.write(packed)
        self._starts.append(self._starts[-1] + len(packed))
        self.owners.append(owner)

    def close(self) -> None:
        """Write what `PhashIndex` opens."""
        folder, count = self.folder, len(self.owners)
        self._thumbs.close()
        self._details.close()
        np.save(folder / "detail_starts.npy", np.asarray(self._starts, dtype=np.int64))
        as_npy(folder, "thumbs", np.uint8, (count, SIDE, SIDE))
        (folder / "thumbs.raw").unlink()
        np.save(folder / "owners.npy", np.asarray(self.owners, dtype=np.uint32))
        thumbs = mapped(folder / "thumbs.npy")
        every = np.lib.format.open_memmap(
            folder / "hashes.npy", mode="w+", dtype=np.uint64, shape=(count, self.variants)
        )
        for number in range(count):
            every[number] = hashes(thumbs[number], trims=self.variants > 1)
        every.flush()
        every = every.view(np.ndarray)
        ByteTable.build(folder, "whole", np.ascontiguousarray(every[:, WHOLE]))
        if self.variants > 1:
            ByteTable.build(folder, "trimmed", every.reshape(-1))


class PhashIndex:
    """Pictures that can be recognised: thumbnails, whom they belong to, and their hashes.

    Args:
        folder: where `PhashWriter` wrote.
        settings: when two pictures are the same.
    """

    def __init__(self, folder: Path, settings: PictureTwins):
        self.settings, self.folder = settings, folder
        self.starts = mapped(folder / "detail_starts.npy")
        self.thumbs, self.owners, self.hashes = (
            mapped(folder / f"{name}.npy") for name in ("thumbs", "owners", "hashes")
        )
        self.whole = ByteTable(folder, "whole")
        self.trimmed = None
        if (folder / "trimmed.starts.npy").exists():
            self.trimmed = ByteTable(folder, "trimmed")

    def look(self, picture: int) -> Look:
        """An indexed picture, by its number."""
        begin, end = int(self.starts[picture]), int(self.starts[picture + 1])
        with open(self.folder / "details.bin", "rb") as file:
            file.seek(begin)
            grey = np.frombuffer(zlib.decompress(file.read(end - begin)), dtype=np.uint8)
        return Look(self.thumbs[picture], grey.reshape(DETAIL, DETAIL))

    def twins(
        self,
        looks: Sequence[Look],
        *,
        exact: bool = False,
        wanted: Callable[[int, int], bool] | None = None,
    ) -> list[list[tuple[int, float]]]:
        """For each picture the owners of pictures that look like it, whole or trimmed, with the likeness,
        best first.

        Candidates come from hashes, are bounded by their likeness from afar, and decided by their details.

        Args:
            exact: every detail must agree, so that another digit makes another picture; else most of them.
            wanted: whether an indexed picture, by number, is of interest to one that is asked, by position.
        """
        if not looks:
            return []
        trims = self.trimmed is not None
        own = np.stack([hashes(look.thumb, trims=trims) for look in looks])
        closest: list[dict[tuple[int, bool], tuple[int, int]]] = [{} for _ in looks]

        def note(asked: int, picture: int, variant: int, turned: bool) -> None:
            if wanted is not None and not wanted(asked, picture):
                return
            ours = own[asked, variant if turned else WHOLE]
            apart = int(np.bitwise_count(ours ^ self.hashes[picture, 0 if turned else variant]))
            key = (picture, turned)
            closest[asked][key] = min(closest[asked].get(key, (99, 0)), (apart, variant))

        bits = self.settings.max_bits
        if self.trimmed is None:
            for asked, picture in self.whole.near(own[:, WHOLE], bits):
                note(asked, picture, WHOLE, False)
        else:
            for asked, entry in self.trimmed.near(own[:, WHOLE], bits):
                note(asked, entry // VARIANTS, entry % VARIANTS, False)
            for entry, picture in self.whole.near(own.ravel(), bits):
                note(entry // VARIANTS, picture, entry % VARIANTS, True)
        return [self._decided(look, near, exact) for look, near in zip(looks, closest, strict=True)]

    def _decided(
        self, look: Look, near: dict[tuple[int, bool], tuple[int, int]], exact: bool
    ) -> list[tuple[int, float]]:
        """The owners of those candidates whose details agree, with the likeness, best first."""
        afar = []
        by_bits = sorted(near.items(), key=lambda each: each[1])[:MOST_COMPARED]
        for (picture, turned), (_, variant) in by_bits:
            pair = (look.thumb, self.thumbs[picture])
            whole, trimmed = pair[::-1] if turned else pair
            alike, trims = likeness(whole, trimmed, variant)
            if alike >= self.settings.min_likeness:
                afar.append((alike, picture, turned, trims))
        afar.sort(reverse=True)
        found: dict[int, float] = {}
        for alike, picture, turned, trims in afar[:MOST_DETAILED]:
            owner = int(self.owners[picture])
            if owner in found:
                continue
            pair = (look, self.look(picture))
            whole, trimmed = pair[::-1] if turned else pair
            blocks = same_details(whole, trimmed, trims)
            if _agree(blocks, exact, self.settings.min_detail):
                found[owner] = alike
        return sorted(found.items(), key=lambda each: (-each[1], each[0]))


def _agree(blocks: np.ndarray, exact: bool, middle: float) -> bool:
    """Whether two pictures are one, by the correlations of their blocks; without any, they are.

    Lines of text agree with other lines to some 0.87, letters of the same text to 0.95. So where half of the
    blocks must reach `middle`, fewer need agree: a watermark may cover some.
    """
    if not len(blocks):
        return True
    if exact:
        return bool(blocks.min() >= EXACT_BLOCK)
    if middle and np.median(blocks) < middle:
        return False
    return bool((blocks >= SAME_BLOCK).mean() >= (MARKED_BLOCKS if middle else MOST_BLOCKS))
