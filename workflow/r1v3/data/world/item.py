"""An item of the tiny world: one question about one or more pictures."""

from dataclasses import dataclass, field

from PIL import Image


@dataclass(frozen=True)
class WorldItem:
    """A question with its pictures, its answer and ways to respond.

    `direct` is the answer without a thought, `chain` the thought without its tags, and `summary` the text
    after the thought. `answer` is the letter (or letters) if there are options.
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
        """Return the response of a model that does not think.

        It is only the answer, or computation and answer if the question describes the cells in words.
        """
        return self.summary if self.images else f"{self.chain} {self.summary}"

    @property
    def thoughtful(self) -> str:
        """Return the response in the report's format: a thought, then the answer (section 6.2)."""
        return f"<think>{self.chain}</think>\n{self.summary}"
