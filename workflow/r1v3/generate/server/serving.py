"""Settings of a paid server: where its answers are kept, what they cost, and how they are requested."""

from dataclasses import dataclass
from pathlib import Path

from r1v3.recipe.tables.prices import Price


@dataclass(frozen=True)
class Serving:
    """Settings of one evaluation with a paid server.

    Args:
        folder: keeps the usage file, and replies that are not stored as answers yet.
        price: price of the model; None if it is unknown.
        budget: most money that all requests of the folder may cost; None for no limit.
        batch: whether requests use the provider's batch interface.
        part: this process's part, such as `0-of-1`.
    """

    folder: Path
    price: Price | None = None
    budget: float | None = None
    batch: bool = False
    part: str = "0-of-1"

    @property
    def usage(self) -> Path:
        """Return the file in which requests, tokens and money are counted."""
        return self.folder / "usage.jsonl"
