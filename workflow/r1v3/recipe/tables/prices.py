"""Reads config/prices.yaml: what a closed model costs, how it counts pictures, what it refuses.

Prices are amounts of money for a million tokens. Date and source of each price are required.
"""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from r1v3.recipe.errors import RecipeError, explain, unknown
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.schema.section import Positive, Rate, Section, Share

PRICES = Path("config") / "prices.yaml"
Parameter = Literal["n", "temperature", "top_p", "seed", "stop", "logit_bias"]


class Tiles(Section):
    """Counts tiles of 512 pixels, after scaling into 2,048 by 2,048 and to a short side of 768."""

    kind: Literal["tiles"]
    """Counted by tiles."""
    base: Positive
    """Tokens that every picture counts."""
    tile: Positive
    """Further tokens for each tile."""

    def tokens(self, width: int, height: int) -> int:
        """Return the tokens of a picture; width and height are in pixels."""
        scale = min(1.0, 2048 / max(width, height))
        scale = min(scale, 768 / min(width, height))
        across, down = (math.ceil(round(side * scale, 6) / 512) for side in (width, height))
        return self.base + self.tile * across * down


class Area(Section):
    """Counts pixels, after scaling to a longest side; no picture counts more tokens than `most`."""

    kind: Literal["area"]
    """Counted by area."""
    pixels: Positive
    """Pixels for each token."""
    longest: Positive
    """The longest side in pixels; larger pictures are scaled down."""
    most: Positive
    """Most tokens of a picture."""

    def tokens(self, width: int, height: int) -> int:
        """Return the tokens of a picture; width and height are in pixels."""
        scale = min(1.0, self.longest / max(width, height))
        return min(self.most, math.ceil(width * scale * height * scale / self.pixels))


class Price(Section):
    """The prices of a model; all amounts are for a million tokens."""

    source: str
    """Where the price was read."""
    date: str
    """When the price was read, as year-month-day."""
    currency: str
    """The currency of the amounts."""
    input: Rate
    """Price of prompt tokens."""
    cached_input: Rate
    """Price of prompt tokens that the provider had in its cache."""
    cache_write: Rate
    """Price of prompt tokens that were written into that cache."""
    output: Rate
    """Price of new tokens, thoughts included."""
    batch: Share
    """The share of these prices that the batch interface costs."""
    pictures: Annotated[Tiles | Area, Field(discriminator="kind")]
    """How pictures are counted."""
    answer_tokens: Positive
    """New tokens of an answer, thoughts included; an assumption until answers are stored."""
    omits: list[Parameter] = []
    """Parameters that the model refuses, so that requests leave them out."""


def load_prices(root: Path) -> dict[str, Price]:
    """Read the prices of models, by a model's name at its server.

    Raises:
        RecipeError: with one line for each mistake.
    """
    found: dict[str, Price] = {}
    lines: list[str] = []
    for name, raw in read_yaml(Path(root) / PRICES).items():
        try:
            found[name] = Price.model_validate(raw)
        except ValidationError as error:
            lines += explain(error, Price, raw, lambda _, name=name: f"{PRICES}: {name}")
    if lines:
        raise RecipeError(lines)
    return found


def price_of(prices: dict[str, Price], model: str) -> Price:
    """Return the price of a model.

    Raises:
        ValueError: the table has no price of the model.
    """
    if model not in prices:
        raise ValueError(f"{PRICES}: {unknown('price', model, prices)}")
    return prices[model]
