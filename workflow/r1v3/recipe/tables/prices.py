"""The shape of config/prices.yaml: what a closed model costs, how it counts pictures, what it refuses.

Prices are money for a million tokens. A price without a date and a source is none, so both are required.
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
    """Tiles of 512 pixels, after a picture was scaled into 2,048 by 2,048 and to a short side of 768."""

    kind: Literal["tiles"]
    """Counted by tiles."""
    base: Positive
    """Tokens of any picture."""
    tile: Positive
    """Tokens of a tile."""

    def tokens(self, width: int, height: int) -> int:
        """What a picture of so many pixels counts."""
        scale = min(1.0, 2048 / max(width, height))
        scale = min(scale, 768 / min(width, height))
        across, down = (math.ceil(round(side * scale, 6) / 512) for side in (width, height))
        return self.base + self.tile * across * down


class Area(Section):
    """Pixels by area, after a picture was scaled to a longest side and a most of tokens."""

    kind: Literal["area"]
    """Counted by area."""
    pixels: Positive
    """Pixels of a token."""
    longest: Positive
    """The longest side in pixels; larger pictures are scaled down."""
    most: Positive
    """Most tokens of a picture."""

    def tokens(self, width: int, height: int) -> int:
        """What a picture of so many pixels counts."""
        scale = min(1.0, self.longest / max(width, height))
        return min(self.most, math.ceil(width * scale * height * scale / self.pixels))


class Price(Section):
    """What a model costs; all amounts are for a million tokens."""

    source: str
    """Where the price was read."""
    date: str
    """When, as year-month-day."""
    currency: str
    """The currency of the amounts."""
    input: Rate
    """Prompt tokens."""
    cached_input: Rate
    """Prompt tokens that the provider had in its cache."""
    cache_write: Rate
    """Prompt tokens that were written into that cache."""
    output: Rate
    """New tokens, thoughts included."""
    batch: Share
    """The share of these prices that the batch interface takes."""
    pictures: Annotated[Tiles | Area, Field(discriminator="kind")]
    """How pictures are counted."""
    answer_tokens: Positive
    """New tokens of an answer, assumed until answers are stored; thoughts included."""
    omits: list[Parameter] = []
    """Parameters that the model refuses, and that are left out of requests."""


def load_prices(root: Path) -> dict[str, Price]:
    """Prices by the name that the server knows a model by.

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
    """The price of a model.

    Raises:
        ValueError: nobody said what the model costs.
    """
    if model not in prices:
        raise ValueError(f"{PRICES}: {unknown('price', model, prices)}")
    return prices[model]
