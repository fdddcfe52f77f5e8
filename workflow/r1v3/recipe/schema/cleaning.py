"""Defines how data sets are cleaned: limits of rows, licences, and what counts as a twin."""

from typing import Annotated, Literal

from pydantic import Field

from r1v3.recipe.schema.section import GrowingSection, Names, Positive, Section, Share


class Limits(Section):
    """Limits of a row. `repair`: faults of a picture that are repaired (`r1v3.data.pictures`)."""

    max_characters: Positive
    """Most characters of a row's text."""
    max_bytes: Positive
    """Most bytes of a picture's file."""
    max_pixels: Positive
    """Most pixels of a picture."""
    repair: list[Literal["animated", "rotated", "cmyk", "mislabelled"]]
    """Faults of a picture that are repaired, not refused."""


class Licences(Section):
    """`forbidden`: patterns of licences that forbid training; `not_stated` keeps or drops other samples."""

    forbidden: list[str]
    """Patterns of licences that forbid training."""
    not_stated: Literal["keep", "drop"]
    """Whether samples are kept or dropped whose licence is not stated."""


class TextTwins(GrowingSection):
    """When two texts are twins.

    They are twins if the other text has at least this share of the evaluation's sequences of `ngram` words,
    or if the Jaccard similarity of their shingles is at least this large. Texts of fewer than `alone_words`
    words do not identify a question that has pictures. Sequences that `common` evaluation questions share do
    not count.
    """

    ngram: Positive
    """Words of a sequence that is searched for."""
    min_containment: Share
    """Share of an evaluation's sequences that makes a text its twin."""
    min_jaccard: Share
    """Jaccard similarity that makes two texts twins."""
    alone_words: Positive
    """Texts of fewer words do not identify a question that has pictures."""
    common: Positive
    """Sequences that this many evaluation questions share do not count."""
    template: Positive | None = None
    """So many evaluation questions with the same words and different pictures make these words a template,
    which does not identify a question that has a picture; null: no template."""


class PictureTwins(GrowingSection):
    """When two pictures are twins: hashes differ in at most `max_bits` of 64, then thumbnails correlate."""

    max_bits: Positive
    """Most bits in which the perceptual hashes of twins differ, of 64."""
    min_likeness: Share
    """Correlation of thumbnails that makes two pictures twins."""
    min_detail: Share = 0.0
    """Correlation that half of the blocks with details must reach."""
    turned: bool = False
    """Whether to search for negatives, and for pictures that are turned by a few degrees, too."""
    cut: bool = False
    """Whether to search for pictures without their margins, and without lines of text above or below."""
    colours: bool = False
    """Whether parts that are coloured in both pictures must have the same colours."""
    max_replaced: Annotated[int, Field(strict=True)] | None = None
    """Most blocks whose details are replaced by others; null: as many as may differ in any way."""


class CleaningRules(Section):
    """The rules of cleaning that all data sets share."""

    limits: Limits
    """Limits of a row."""
    licences: Licences
    """Which licences allow training."""
    text: TextTwins
    """When two texts are twins."""
    pictures: PictureTwins
    """When two pictures are twins."""


class Cleaning(CleaningRules):
    """`benchmarks` and `held_out` are the evaluations that training sets are compared with."""

    benchmarks: Names
    """Benchmarks that training sets are compared with."""
    held_out: Names
    """Held-out sets that training sets are compared with."""
