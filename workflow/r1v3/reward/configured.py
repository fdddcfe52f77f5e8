"""Opens the grader of a recipe, with a verifier if the recipe names one (report, eq. 2)."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from r1v3.recipe.schema.training import Verifier
from r1v3.reward.grader import Grader
from r1v3.reward.verifier.verifier import VerifierClient

URL = "R1V3_VERIFIER_URL"
SECOND_URL = "R1V3_SECOND_JUDGE_URL"
CONCURRENCY, ATTEMPTS, TIMEOUT_SECONDS = 16, 5, 120


@contextlib.contextmanager
def open_grader(
    verifier: Verifier | None, cache: Path, *, limit_unjudged: bool = False, address: str = URL
) -> Generator[Grader]:
    """Open a grader. Its workers stop when the context ends.

    Args:
        verifier: the recipe's `reward.verifier` or `grading.verifier`; None grades by rules alone.
        cache: folder that stores the verifier's verdicts.
        limit_unjudged: whether `verifier.max_unjudged` limits each call of the grader. Callers that grade a
            whole stage in one call set it; the trainer limits its episodes itself.
        address: name of the environment variable with the verifier's endpoint.

    Raises:
        ValueError: the recipe names a verifier but its address is not set.
    """
    client, limit = None, None
    if verifier:
        if not os.environ.get(address):
            raise ValueError(
                f"the recipe names the verifier {verifier.model}: set {address} to its endpoint, such as"
                " http://node:8000/v1, or set verifier to null"
            )
        client = VerifierClient(
            os.environ[address],
            verifier.model,
            cache=cache,
            key_variable=f"{address.removesuffix('_URL')}_KEY",
            concurrency=CONCURRENCY,
            attempts=ATTEMPTS,
            timeout=TIMEOUT_SECONDS,
        )
        limit = verifier.max_unjudged if limit_unjudged else None
    with Grader(client, len(os.sched_getaffinity(0)), max_unjudged=limit) as grader:
        yield grader
