"""Thumbnails by perceptual hash, on disk: memory-mapped tables, sorted by each byte of the hash.

Hashes that differ in at most 7 of 64 bits agree in one byte of eight at least, so a look into eight stretches
of the sorted tables finds every such pair; at 8 bits one in hundreds is missed.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from r1v3.data.arrays import as_npy, mapped
from r1v3.data.decontamination.phash import SIDE, VARIANTS, WHOLE, hashes, likeness
from r1v3.recipe.schema.cleaning import PictureTwins

BYTES = 8
PAIRS_AT_A_TIME = 100_000  # what stays in a core's cache


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
        self._thumbs = open(folder / "thumbs.raw", "wb")  # noqa: SIM115 closed by `close`

    def add(self, thumb: np.ndarray, owner: int) -> None:
        self._thumbs.write(np.ascontiguousarray(thumb).data)
        self.owners.append(owner)

    def close(self) -> None:
        """Write what `PhashIndex` opens."""
        folder, count = self.folder, len(self.owners)
        self._thumbs.close()
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
        self.settings = settings
        self.thumbs, self.owners, self.hashes = (
            mapped(folder / f"{name}.npy") for name in ("thumbs", "owners", "hashes")
        )
        self.whole = ByteTable(folder, "whole")
        self.trimmed = None
        if (folder / "trimmed.starts.npy").exists():
            self.trimmed = ByteTable(folder, "trimmed")

    def twins(
        self, thumbs: Sequence[np.ndarray] | np.ndarray, before: Sequence[int] | None = None
    ) -> list[list[tuple[int, float]]]:
        """For each thumbnail the owners of pictures that look like it, whole or trimmed, with the likeness,
        best first.

        Args:
            before: for each, look only at pictures with a smaller number (a set against itself).
        """
        if not len(thumbs):
            return []
        trims = self.trimmed is not None
        own = np.stack([hashes(thumb, trims=trims) for thumb in thumbs])
        closest: dict[tuple[int, int, bool], tuple[int, int]] = {}

        def note(asked: int, picture: int, variant: int, turned: bool) -> None:
            if before is not None and picture >= before[asked]:
                return
            ours = own[asked, variant if turned else WHOLE]
            apart = int(np.bitwise_count(ours ^ self.hashes[picture, 0 if turned else variant]))
            key = (asked, picture, turned)
            closest[key] = min(closest.get(key, (99, 0)), (apart, variant))

        bits = self.settings.max_bits
        if self.trimmed is None:
            for asked, picture in self.whole.near(own[:, WHOLE], bits):
                note(asked, picture, WHOLE, False)
        else:
            for asked, entry in self.trimmed.near(own[:, WHOLE], bits):
                note(asked, entry // VARIANTS, entry % VARIANTS, False)
            for entry, picture in self.whole.near(own.ravel(), bits):
                note(entry // VARIANTS, picture, entry % VARIANTS, True)
        found: list[dict[int, float]] = [{} for _ in thumbs]
        for (asked, picture, turned), (_, variant) in sorted(closest.items()):
            pair = (thumbs[asked], self.thumbs[picture])
            whole, trimmed = pair[::-1] if turned else pair
            alike = likeness(whole, trimmed, variant)
            owner = int(self.owners[picture])
            if alike >= self.settings.min_likeness and alike > found[asked].get(owner, -1.0):
                found[asked][owner] = alike
        return [sorted(each.items(), key=lambda pair: (-pair[1], pair[0])) for each in found]
