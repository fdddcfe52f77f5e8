"""What the world hands out: one question about one or more pictures."""

from dataclasses import dataclass, field

from PIL import Image


@dataclass(frozen=True)
class WorldItem:
    """A question with its pictures, its answer and ways to respond.

    `direct` is the answer without a thought, `chain` the thought without its tags, `summary` what
    follows the thought. `answer` is the letter (or letters) where there are options.
    """

    question: str
    options: tuple[str, ...] | None
    answer: str
    answer_type: str
    images: tuple[Image.Image, ...]
    task: str
    domain: str
    difficulty: str
    chain: str
    summary: str
    meta: dict = field(default_factory=dict)

    @property
    def direct(self) -> str:
        """The response of a model that does not think: the answer, computed aloud only where the
        cells are told in words."""
        return self.summary if self.images else f"{self.chain} {self.summary}"

    @property
    def thoughtful(self) -> str:
        """The response in the report's format: a thought, then the answer (section 6.2)."""
        return f"<think>{self.chain}</think>\n{self.summary}"
