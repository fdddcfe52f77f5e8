"""Keys and values of rows that decode together: preallocated, extended in place, compacted, joined."""

import torch
from transformers.cache_utils import Cache


class RowCache(Cache):
    """A cache of fixed length. All rows write at one position, so shorter prompts are padded on the left.

    Shapes: (rows, heads, room, features) for each layer.
    """

    def __init__(self, layers: int, room: int):
        super().__init__(layers=[])
        self.keys: list[torch.Tensor] = []  # one a layer, from the first call of `update` on
        self.values: list[torch.Tensor] = []
        self.layer_count, self.room, self.length = layers, room, 0

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *args: object,
        **kwargs: object,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write new positions after the present ones, and return all positions so far."""
        if layer_idx == len(self.keys):
            rows, heads, _, features = key_states.shape
            for store in (self.keys, self.values):
                store.append(key_states.new_zeros(rows, heads, self.room, features))
        end = self.length + key_states.shape[2]
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        keys[:, :, self.length : end] = key_states
        values[:, :, self.length : end] = value_states
        if layer_idx == self.layer_count - 1:
            self.length = end
        return keys[:, :, :end], values[:, :, :end]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Return the number of written positions."""
        return self.length

    def select(self, rows: torch.Tensor) -> None:
        """Keep these rows, in this order; a row that is named twice is copied."""
        self.keys = [keys[rows] for keys in self.keys]
        self.values = [values[rows] for values in self.values]

    def join(self, rows: torch.Tensor, skip: int, other: "RowCache", room: int) -> None:
        """Keep these rows without their first `skip` positions, and append the rows of `other`.

        All end at the same position, and `room` free positions follow it.
        """
        own = self.length - skip
        length = max(own, other.length)
        for mine, theirs in ((self.keys, other.keys), (self.values, other.values)):
            for layer, (old, new) in enumerate(zip(mine, theirs)):
                kept, heads, features = len(rows), old.shape[1], old.shape[3]
                both = old.new_zeros(kept + len(new), heads, length + room, features)
                both[:kept, :, length - own : length] = old[rows, :, skip : self.length]
                both[kept:, :, length - other.length : length] = new[:, :, : other.length]
                mine[layer] = both
        self.length, self.room = length, length + room
