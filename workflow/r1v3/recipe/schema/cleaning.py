"""How data sets are cleaned: limits of what is read, licences, and what counts as a twin."""

from typing import Literal

from r1v3.recipe.schema.section import Positive, Section, Share


class Limits(Section):
    """What a row may cost. `repair`: what is put right rather than refused (`r1v3.data.pictures`)."""

    max_characters: Positive
    max_bytes: Positive
    max_pixels: Positive
    repair: list[Literal["animated", "rotated", "cmyk", "mislabelled"]]


class Licences(Section):
    """`forbidden`: patterns of licences that do not let one train; `not_stated` keeps or drops the rest."""

    forbidden: list[str]
    not_stated: Literal["keep", "drop"]


class TextTwins(Section):
    """When two texts are the same: an evaluation's runs of `ngram` words are found again to this share, or
    the Jaccard similarity of their shingles is this large. Texts below `alone_words` say too little beside
    pictures; runs of words that `common` evaluation questions share say nothing."""

    ngram: Positive
    min_containment: Share
    min_jaccard: Share
    alone_words: Positive
    common: Positive


class PictureTwins(Section):
    """When two pictures are the same: hashes within `max_bits` of 64, then a correlation this large."""

    max_bits: Positive
    min_likeness: Share


class CleaningRules(Section):
    """What all data sets share."""

    limits: Limits
    licences: Licences
    text: TextTwins
    pictures: PictureTwins


class Cleaning(CleaningRules):
    """`benchmarks` and `held_out` are the evaluations that training sets are compared with."""

    benchmarks: list[str]
    held_out: list[str]
