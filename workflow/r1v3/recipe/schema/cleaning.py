"""How data sets are cleaned: limits of what is read, licences, and what counts as a twin."""

from typing import Annotated, Literal

from pydantic import Field

from r1v3.recipe.schema.section import GrowingSection, Names, Positive, Section, Share


class Limits(Section):
    """What a row may cost. `repair`: what is put right rather than refused (`r1v3.data.pictures`)."""

    max_characters: Positive
    """Most characters of a row's text."""
    max_bytes: Positive
    """Most bytes of a picture's file."""
    max_pixels: Positive
    """Most pixels of a picture."""
    repair: list[Literal["animated", "rotated", "cmyk", "mislabelled"]]
    """What is put right in a picture rather than refused."""


class Licences(Section):
    """`forbidden`: patterns of licences that do not let one train; `not_stated` keeps or drops the rest."""

    forbidden: list[str]
    """Patterns of licences that do not let one train."""
    not_stated: Literal["keep", "drop"]
    """What becomes of samples whose licence is not stated."""


class TextTwins(GrowingSection):
    """When two texts are the same: an evaluation's runs of `ngram` words are found again to this share, or
    the Jaccard similarity of their shingles is this large. Texts below `alone_words` say too little beside
    pictures; runs of words that `common` evaluation questions share say nothing."""

    ngram: Positive
    """Words of a run that is searched for."""
    min_containment: Share
    """Share of an evaluation's runs that makes a text its twin."""
    min_jaccard: Share
    """Jaccard similarity that makes two texts twins."""
    alone_words: Positive
    """Texts of fewer words say too little beside pictures."""
    common: Positive
    """Runs that this many evaluation questions share say nothing."""
    template: Positive | None = None
    """Evaluation questions in the same words, each with another picture, that make these words a template,
    which says nothing beside a picture; null for none."""


class PictureTwins(GrowingSection):
    """When two pictures are the same: hashes within `max_bits` of 64, then a correlation this large."""

    max_bits: Positive
    """Most bits in which the perceptual hashes of twins differ, of 64."""
    min_likeness: Share
    """Correlation of thumbnails that makes two pictures twins."""
    min_detail: Share = 0.0
    """Correlation that half of the blocks with details must reach."""
    turned: bool = False
    """Whether negatives, and pictures turned by a few degrees, are looked for too."""
    cut: bool = False
    """Whether pictures are looked for without their margins, and without lines of text above or below."""
    colours: bool = False
    """Whether what is coloured in both must have the same colours."""
    max_replaced: Annotated[int, Field(strict=True)] | None = None
    """Blocks that may hold other details in the place of a twin's; null: as many as may differ at all."""


class CleaningRules(Section):
    """What all data sets share."""

    limits: Limits
    """What a row may cost."""
    licences: Licences
    """Which licences let one train."""
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
