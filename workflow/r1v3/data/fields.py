"""The names of a raw row's fields, and the exception that rejects a row. This module has no heavy imports."""

NEEDED = (
    "id", "question", "answer", "answer_type", "domain", "difficulty", "language", "source",
    "licence", "split",
)  # fmt: skip
KNOWN = {*NEEDED, "options", "images", "response", "date", "edits", "meta"}


class Rejected(ValueError):
    """Raised if a picture or a sample is rejected. The message is the reason, and `detail` says more."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail
