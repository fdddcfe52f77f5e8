"""What surrounds the answers of a paid server: where they are kept, what they cost, how they are asked."""

from dataclasses import dataclass
from pathlib import Path

from r1v3.recipe.tables.prices import Price


@dataclass(frozen=True)
class Serving:
    """Settings of one evaluation.

    Args:
        folder: keeps the usage file and replies that are not stored as answers yet.
        price: of the model; None if nobody said.
        budget: most money that all requests of the folder may cost; None for no limit.
        batch: whether requests go through the provider's batch interface.
        part: this process's part, as `0-of-1`.
    """

    folder: Path
    price: Price | None = None
    budget: float | None = None
    batch: bool = False
    part: str = "0-of-1"

    @property
    def usage(self) -> Path:
        """The file in which requests, tokens and money are counted."""
        return self.folder / "usage.jsonl"
