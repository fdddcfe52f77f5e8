"""The two protocols: `report` is what the report states, `released` is what its released code did.

`report`: temperature 1.0, 16,384 new tokens, the mean over five runs, our grader. `released`: one run, each
entry's own temperature and limit, and the published rule for MMMU, MMMU-Pro (standard) and LogicVista. If
the same stored answers are scored by both, `released` is the first run under its rule. The temperature cannot
change afterwards, so its effect shows only in answers that were generated under `released`.
"""

import pandas as pd

from r1v3.evaluate.items.item import Item
from r1v3.evaluate.released_rules import released_is_right
from r1v3.generate.types import Sampling
from r1v3.recipe.graph.configs import EvaluationSettings
from r1v3.recipe.tables.benchmarks import Benchmark

REPORT_TOKENS = 16_384


def sampling_of_benchmark(settings: EvaluationSettings, entry: Benchmark) -> Sampling:
    """Return how a benchmark's answers are sampled under the recipe's protocol.

    If the released limit is not the report's 16,384 tokens, it scales the recipe's limit by the same factor.
    """
    if settings.protocol == "report":
        return Sampling(
            temperature=settings.temperature,
            top_p=settings.top_p,
            max_new_tokens=settings.max_new_tokens,
            samples=settings.runs,
        )
    limit = settings.max_new_tokens * entry.released.max_new_tokens // REPORT_TOKENS
    return Sampling(
        temperature=entry.released.temperature, top_p=1.0, max_new_tokens=limit, samples=1
    )


def runs_of(settings: EvaluationSettings) -> int:
    """Return how many runs a benchmark has under the recipe's protocol."""
    return settings.runs if settings.protocol == "report" else 1


def as_released(judged: pd.DataFrame, items: dict[str, Item], entry: Benchmark) -> pd.DataFrame:
    """Return the judged items of one run under the released rule."""
    right = [
        released_is_right(entry.released.rule, response, items[key].golds, correct)
        for key, response, correct in zip(
            judged["key"], judged["response"], judged["correct"], strict=True
        )
    ]
    share = judged["share"].where(judged["correct"] == right, pd.Series(right, judged.index))
    return judged.assign(correct=right, share=share.astype(float))
