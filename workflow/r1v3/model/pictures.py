"""Pictures in the form that a model takes: square tiles, or patches at native resolution with their grids.

Shapes: P tokens of a prompt, N patches, F numbers of a patch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TypeAlias

import torch


@dataclass(frozen=True)
class Patches:
    """Pictures at native resolution, one after another.

    Attributes:
        pixels_NF: the patches of all pictures; those of one token are neighbours.
        grids: rows and columns of patches of each picture.
        merge: `merge` x `merge` patches become one token.
        image_token: id of the token that represents them in a prompt.
    """

    pixels_NF: torch.Tensor
    grids: tuple[tuple[int, int], ...]
    merge: int
    image_token: int

    def __len__(self) -> int:
        return len(self.pixels_NF)

    def __getitem__(self, part: slice) -> "Patches":
        """Return the pictures of a range of patches, which must begin and end between pictures."""
        first, stop, _ = part.indices(len(self))
        starts = [0, *accumulate(rows * columns for rows, columns in self.grids)]
        grids = tuple(g for g, at in zip(self.grids, starts) if first <= at < stop)
        return replace(self, pixels_NF=self.pixels_NF[part], grids=grids)

    def to(self, device: torch.device | str) -> "Patches":
        """Return the same pictures on another device."""
        return replace(self, pixels_NF=self.pixels_NF.to(device))

    @property
    def grid_thw(self) -> torch.Tensor:
        """Return frames, rows and columns of each picture, of shape (pictures, 3), for the library."""
        grids = torch.tensor([(1, *grid) for grid in self.grids], device=self.pixels_NF.device)
        return grids.view(-1, 3)

    def positions(self, prompt_ids: Sequence[int]) -> torch.Tensor:
        """Return multimodal rotary positions of a prompt, of shape (3, P): time, row and column.

        Text increases all three by one a token. A picture's tokens have the position where it begins, plus
        row and column. The text after it continues from the longer of its sides, not from its token count.

        Raises:
            ValueError: the prompt's image tokens do not match these pictures.
        """
        ids = torch.tensor(prompt_ids)
        shown = ids == self.image_token
        sizes = [(rows // self.merge, columns // self.merge) for rows, columns in self.grids]
        wanted = sum(rows * columns for rows, columns in sizes)
        if int(shown.sum()) != wanted:
            raise ValueError(f"{int(shown.sum())} image tokens for {wanted} of the pictures")
        parts: list[torch.Tensor] = []
        place = start = 0
        for rows, columns in sizes:
            text = int(shown[place:].int().argmax())
            parts.append(torch.arange(start, start + text).expand(3, -1))
            start += text
            row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
            seen = torch.stack([torch.zeros_like(row), row, column]).flatten(1)
            parts.append(seen + start)
            start += max(rows, columns)
            place += text + rows * columns
        parts.append(torch.arange(start, start + len(ids) - place).expand(3, -1))
        return torch.cat(parts, 1)


Pictures: TypeAlias = torch.Tensor | Patches
"""Tiles of shape (tiles, 3, side, side), or patches. Their length is the number of tiles or patches."""


def join(parts: Sequence[Pictures]) -> Pictures:
    """Join all pictures, one after another; an empty tensor if there are none."""
    shown = [part for part in parts if len(part)]
    if len(shown) == 1:
        return shown[0]
    patches = [part for part in shown if isinstance(part, Patches)]
    if not patches:
        tiles = [part for part in shown if isinstance(part, torch.Tensor)]
        return torch.cat(tiles) if tiles else torch.zeros(0)
    assert len(patches) == len(shown), "tiles and patches are of different models"
    return replace(
        patches[0],
        pixels_NF=torch.cat([part.pixels_NF for part in patches]),
        grids=tuple(grid for part in patches for grid in part.grids),
    )


def mean_colour(pictures: Pictures) -> Pictures:
    """Return pictures of the same sizes in the mean colour, which is 0 after normalisation."""
    if isinstance(pictures, Patches):
        return replace(pictures, pixels_NF=torch.zeros_like(pictures.pixels_NF))
    return torch.zeros_like(pictures)


def prompt_positions(prompt_ids: Sequence[int], pictures: Pictures) -> torch.Tensor:
    """Return positions of a prompt's tokens: of shape (P,), or (3, P) if a picture's tokens have three."""
    if isinstance(pictures, Patches):
        return pictures.positions(prompt_ids)
    return torch.arange(len(prompt_ids))
