"""The grader that a recipe asks for, with its verifier where it names one (report, eq. 2)."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from r1v3.reward.grader import Grader
from r1v3.reward.verifier.verifier import Verifier

URL = "R1V3_VERIFIER_URL"
CONCURRENCY, ATTEMPTS, TIMEOUT_SECONDS = 16, 5, 120


@contextlib.contextmanager
def open_grader(
    reward: dict, cache: Path, *, judge: bool = True, whole: bool = False
) -> Iterator[Grader]:
    """Open the grader of a recipe's `reward` or `grading` section.

    Args:
        cache: where the verifier's verdicts are kept.
        judge: False where the verifier must not be asked, whatever the recipe says.
        whole: whether one call of the grader holds all rows of a stage, so that the recipe's `max_unjudged`
            bounds that call; episodes are bounded where they are reckoned.

    Raises:
        ValueError: the recipe names a verifier and no variable says where it is.
    """
    verifier, named = None, reward["verifier"] if judge else None
    if named:
        if not os.environ.get(URL):
            raise ValueError(
                f"the recipe names the verifier {named['model']}: set {URL} to its endpoint, such as"
                " http://node:8000/v1, or set verifier to null"
            )
        verifier = Verifier(
            os.environ[URL],
            named["model"],
            cache=cache,
            concurrency=CONCURRENCY,
            attempts=ATTEMPTS,
            timeout=TIMEOUT_SECONDS,
        )
    allowed = named["max_unjudged"] if named and whole else None
    with Grader(verifier, len(os.sched_getaffinity(0)), max_unjudged=allowed) as grader:
        yield grader
