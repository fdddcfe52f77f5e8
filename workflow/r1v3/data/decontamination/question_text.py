"""What a question says and shows, for comparison with others."""

import re

# "A. ... B. ..." written into a question: from the first option on, where a second follows.
LISTED = re.compile(r"(?:^|\s)\(?A\s*[.．、:)](?=.*\s\(?B\s*[.．、:)]).*\Z", re.DOTALL)
FEW = 13  # words


def said(question: str, options: tuple[str, ...] | None) -> str:
    """A question's text without its options; with them where it says little alone.

    Options are sorted, since another order makes no other question.
    """
    text = LISTED.sub("", question)
    if len(text.split()) >= FEW or len(text) >= 8 * FEW:
        return text
    return " ".join([text, *sorted(options)]) if options else question
