"""An index of thumbnails by perceptual hash: memory-mapped tables, sorted by each byte of the hash.

Two hashes that differ in at most 7 of 64 bits agree in at least one of eight bytes. So a search in eight
stretches of the sorted tables finds every such pair. At 8 bits one pair in hundreds is missed.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from r1v3.data.arrays import as_npy, mapped
from r1v3.data.decontamination.colours import COARSE
from r1v3.data.decontamination.details import DETAIL, BlockAgreement
from r1v3.data.decontamination.phash import (
    FINER,
    SIDE,
    VARIANTS,
    WHOLE,
    PictureHash,
    hashes,
    likeness,
    same_colours,
    same_details,
    turned,
)
from r1v3.recipe.schema.cleaning import PictureTwins

BYTES = 8
PAIRS_AT_A_TIME = 100_000  # small enough for a core's cache
MOST_COMPARED = 64  # candidates of a picture, by bits, whose thumbnails are compared
MOST_DETAILED = 8  # candidates of a picture, by likeness, whose details are compared
EXACT_BLOCK = 0.77  # correlation of every block in two pictures that differ only in compression
SAME_BLOCK = 0.6  # correlation of a block in two versions of one picture
MOST_BLOCKS = 0.95  # share of the blocks that agree in a changed picture
MARKED_BLOCKS = 0.85  # the same share if half of the blocks must reach `min_detail`
NEARLY = 0.85  # likeness from which a turned picture is turned a little further
# Distance below the lower quartile of correlations at which a block of a family's picture counts as changed.
OUTLIER = 0.12
FAMILY = 2  # pictures of an evaluation that look so similar that only details distinguish them


class ByteTable:
    """A table that finds hashes within a few bits: `<name>.<part>.npy` in a folder."""

    def __init__(self, folder: Path, name: str):
        self.hashes, self.entries, self.starts = (
            mapped(folder / f"{name}.{part}.npy") for part in ("hashes", "entries", "starts")
        )

    @staticmethod
    def build(folder: Path, name: str, hashes: np.ndarray) -> None:
        """Write the table of an array of hashes (uint64). An entry is a position in the array."""
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
        """Yield (position in `asked`, entry) of hashes that differ in at most `bits` bits; some repeat."""
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
        trims: whether the index also finds trimmed versions of a picture.
    """

    def __init__(self, folder: Path, *, trims: bool):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.variants, self.owners = folder, VARIANTS if trims else 1, []
        self.inner: list[bool] = []
        self._starts = [0]
        self._thumbs = open(folder / "thumbs.raw", "wb")  # noqa: SIM115 closed by `close`
        self._colours = open(folder / "colours.raw", "wb")  # noqa: SIM115 closed by `close`
        self._details = open(folder / "details.bin", "wb")  # noqa: SIM115 closed by `close`

    def add(self, look: PictureHash, owner: int, *, inner: bool = False) -> None:
        """Index a picture of an owner; `inner` is true for a picture without its margins."""
        self._thumbs.write(np.ascontiguousarray(look.thumb).data)
        assert look.colour is not None, "only looks of whole pictures and their parts are indexed"
        self._colours.write(np.ascontiguousarray(look.colour).data)
        packed = zlib.compress(np.ascontiguousarray(look.detail).data, level=1)
        self._details.write(packed)
        self._starts.append(self._starts[-1] + len(packed))
        self.owners.append(owner)
        self.inner.append(inner)

    def close(self) -> None:
        """Write the files that `PhashIndex` opens."""
        folder, count = self.folder, len(self.owners)
        for file in (self._thumbs, self._colours, self._details):
            file.close()
        np.save(folder / "detail_starts.npy", np.asarray(self._starts, dtype=np.int64))
        as_npy(folder, "thumbs", np.uint8, (count, SIDE, SIDE))
        as_npy(folder, "colours", np.uint8, (count, COARSE, COARSE, 3))
        for name in ("thumbs.raw", "colours.raw"):
            (folder / name).unlink()
        np.save(folder / "owners.npy", np.asarray(self.owners, dtype=np.uint32))
        np.save(folder / "inner.npy", np.asarray(self.inner, dtype=np.bool_))
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
    """An index of pictures that can be recognised: thumbnails, their owners, and their hashes.

    Args:
        folder: folder of `PhashWriter`.
        settings: thresholds for equal pictures.
    """

    def __init__(self, folder: Path, settings: PictureTwins):
        self.settings, self.folder = settings, folder
        self.starts = mapped(folder / "detail_starts.npy")
        self.thumbs, self.owners, self.hashes = (
            mapped(folder / f"{name}.npy") for name in ("thumbs", "owners", "hashes")
        )
        # Indexes of earlier versions contain neither file, and their settings need neither.
        self.colours = mapped(folder / "colours.npy") if settings.colours else None
        self.inner = (
            mapped(folder / "inner.npy") if settings.cut else np.zeros(len(self.owners), np.bool_)
        )
        self.whole = ByteTable(folder, "whole")
        self.trimmed = None
        if (folder / "trimmed.starts.npy").exists():
            self.trimmed = ByteTable(folder, "trimmed")

    def look(self, picture: int) -> PictureHash:
        """Return the indexed picture with this number."""
        begin, end = int(self.starts[picture]), int(self.starts[picture + 1])
        with open(self.folder / "details.bin", "rb") as file:
            file.seek(begin)
            grey = np.frombuffer(zlib.decompress(file.read(end - begin)), dtype=np.uint8)
        colour = None if self.colours is None else self.colours[picture]
        return PictureHash(self.thumbs[picture], grey.reshape(DETAIL, DETAIL), colour=colour)

    def twins(
        self,
        looks: Sequence[PictureHash],
        *,
        exact: bool = False,
        wanted: Callable[[int, int], bool] | None = None,
    ) -> list[list[tuple[int, float]]]:
        """Return for each picture the owners of similar ones, whole or trimmed, with likeness, best first.

        Hashes give the candidates, the likeness from afar limits them, and their details decide.

        Args:
            exact: whether every detail must agree, so that another digit makes another picture; else most
                must.
            wanted: function that says whether a picture of the index (by number) is relevant for a given one
                (by position).
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

    def _likeness(
        self, look: PictureHash, picture: int, variant: int, other_way: bool
    ) -> tuple[float, tuple[float, float, float, float]]:
        """Return the likeness of a picture and an indexed one; with `other_way` the former is trimmed."""
        pair = (look.thumb, self.thumbs[picture])
        whole, trimmed = pair[::-1] if other_way else pair
        return likeness(whole, trimmed, variant)

    def _decided(
        self, look: PictureHash, near: dict[tuple[int, bool], tuple[int, int]], exact: bool
    ) -> list[tuple[int, float]]:
        """Return the owners of the candidates whose details agree, with the likeness, best first."""
        afar: list[tuple[float, int, bool, tuple[float, float, float, float], PictureHash]] = []
        by_bits = sorted(near.items(), key=lambda each: each[1])[:MOST_COMPARED]
        for (picture, other_way), (_, variant) in by_bits:
            seen, (alike, trims) = look, self._likeness(look, picture, variant, other_way)
            if look.turned and NEARLY <= alike < self.settings.min_likeness:
                for each in (turned(look, degrees) for degrees in FINER):
                    tried = self._likeness(each, picture, variant, other_way)
                    if tried[0] > alike:
                        seen, (alike, trims) = each, tried
            if alike >= self.settings.min_likeness:
                afar.append((alike, picture, other_way, trims, seen))
        afar.sort(key=lambda each: each[:3], reverse=True)
        family = len({int(self.owners[picture]) for _, picture, *_ in afar}) >= FAMILY
        found: dict[int, float] = {}
        for alike, picture, other_way, trims, seen in afar[:MOST_DETAILED]:
            owner = int(self.owners[picture])
            if owner in found:
                continue
            pair = (seen, self.look(picture))
            whole, trimmed = pair[::-1] if other_way else pair
            if self.settings.colours and not same_colours(whole, trimmed, trims):
                continue
            ways = (False,) if self.settings.max_replaced is None else (False, True)
            found_again = (same_details(whole, trimmed, trims, back=back) for back in ways)
            if all(_agree(each, exact, family, self.settings) for each in found_again):
                found[owner] = alike
        return sorted(found.items(), key=lambda each: (-each[1], each[0]))


def _agree(agreement: BlockAgreement, exact: bool, family: bool, settings: PictureTwins) -> bool:
    """Return whether two pictures are the same by the correlations of their blocks; without blocks they are.

    Lines of text agree with other lines up to about 0.87, letters of the same text up to 0.95. So if half of
    the blocks must reach `min_detail`, fewer blocks need to agree, because a watermark may cover some. A
    watermark seldom covers details. Another digit replaces a digit, and changes few blocks among others that
    agree fully.

    Args:
        exact: whether every detail must agree.
        family: whether pictures of the index look so similar that one changed block decides.
    """
    blocks, middle = agreement.every, settings.min_detail
    if not len(blocks):
        return True
    if exact:
        return bool(blocks.min() >= EXACT_BLOCK)
    if middle and np.median(blocks) < middle:
        return False
    if settings.max_replaced is not None and len(agreement.both):
        lowest = np.quantile(agreement.both, 0.25) - OUTLIER
        if (agreement.both < EXACT_BLOCK).sum() > settings.max_replaced:
            return False
        if family and agreement.both.min() < lowest:
            return False
    return bool((blocks >= SAME_BLOCK).mean() >= (MARKED_BLOCKS if middle else MOST_BLOCKS))
