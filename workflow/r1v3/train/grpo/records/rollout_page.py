"""A page of a GRPO run's rollouts: the best, the worst, and the prompts whose answer changed most.

r1v3 browse results/runs/rl.json --output rollouts.html
"""

from pathlib import Path

import pandas as pd

from r1v3.base.atomic_write import write_text
from r1v3.render.page import render_page


def write_rollout_page(run: Path, output: Path, *, count: int = 20) -> dict[str, int]:
    """Write the page, and return the number of rollouts in each of its sections.

    Args:
        run: a run's folder.

    Raises:
        ValueError: the run kept no rollouts.
    """
    files = sorted((Path(run) / "rollouts").glob("step-*.parquet"))
    if not files:
        raise ValueError(
            f"{run}: no rollouts were kept; the recipe's grpo.*.keep_rollouts says how many"
        )
    rollouts = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    rollouts["used"] = rollouts.used.ne(False) if "used" in rollouts else True
    sections = choose_rollouts(rollouts, count)
    page = render_page(
        "rollouts.html.j2",
        name=Path(run).resolve().name,
        count=len(rollouts),
        first=rollouts.step.min(),
        last=rollouts.step.max(),
        unused=int((~rollouts.used).sum()),
        mean_reward=rollouts[rollouts.used].reward.mean(),
        sections={title: rows.to_dict("records") for title, rows in sections.items()},
    )
    write_text(output, page)
    return {title: len(rows) for title, rows in sections.items()}


def choose_rollouts(rollouts: pd.DataFrame, count: int) -> dict[str, pd.DataFrame]:
    """Choose the rollouts of the page's three sections.

    The best and the worst are the latest ones that were learned from. The most changed are the first and the
    last answer to prompts that were asked twice, whether learned from or not."""
    latest = pd.DataFrame(rollouts[rollouts.used]).sort_values(
        ["step", "prompt", "sample"], ascending=[False, True, True]
    )
    best = latest.sort_values("reward", ascending=False, kind="stable").head(count)
    worst = latest.sort_values("reward", kind="stable").head(count)
    means = rollouts.groupby(["prompt", "step"]).reward.mean().unstack()
    ends = pd.DataFrame(
        {
            "first": means.bfill(axis=1).iloc[:, 0],
            "last": means.ffill(axis=1).iloc[:, -1],
            "met": means.notna().sum(axis=1),
        }
    )
    ends = pd.DataFrame(ends[ends["met"] > 1])
    change = pd.Series(ends["last"] - ends["first"]).abs()
    prompts = change.sort_values(ascending=False, kind="stable").head(count).index
    pairs = [
        pd.DataFrame(rollouts[rollouts.prompt == prompt]).sort_values(["step", "sample"])
        for prompt in prompts
    ]
    ends_of_pairs = [pair.iloc[[0, -1]] for pair in pairs]
    changed = pd.concat(ends_of_pairs) if ends_of_pairs else rollouts.head(0)
    return {"Best": best, "Worst": worst, "Most changed, first and last": changed}
