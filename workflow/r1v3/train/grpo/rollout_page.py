"""The rollouts of a GRPO run as a page: the best, the worst and those whose prompt changed most.

r1v3 browse results/runs/rl.json --output rollouts.html
"""

import html
import json
from pathlib import Path

import pandas as pd

from r1v3.base.atomic_write import write_text

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:1rem}
article{border-top:1px solid #ccc;padding:.4rem 0}pre{white-space:pre-wrap;margin:.2rem 0}
small{color:#555}mark{background:#ffe2a8}
"""


def browse(run: Path, output: Path, *, count: int = 20) -> dict[str, int]:
    """Write the page; returns how many rollouts each of its sections shows.

    Args:
        run: a run's folder, or its stable name, such as results/runs/rl.json.

    Raises:
        ValueError: the run kept no rollouts.
    """
    if Path(run).suffix == ".json":
        run = Path(json.loads(Path(run).read_text())["folder"])
    files = sorted((Path(run) / "rollouts").glob("step-*.parquet"))
    if not files:
        raise ValueError(
            f"{run}: no rollouts were kept; the recipe's grpo.*.keep_rollouts says how many"
        )
    rollouts = pd.concat([pd.read_parquet(file) for file in files], ignore_index=True)
    rollouts["used"] = rollouts.used.ne(False) if "used" in rollouts else True
    sections, name = choose(rollouts, count), html.escape(Path(run).resolve().name)
    body = "".join(
        f"<h2>{title}</h2>{''.join(_article(row) for _, row in rows.iterrows())}"
        for title, rows in sections.items()
    )
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Rollouts of {name}</title>'
        f"<style>{STYLE}</style><h1>Rollouts of {name}</h1>"
        f"<p>{len(rollouts):,} rollouts of steps {rollouts.step.min()} to {rollouts.step.max()}, "
        f"{(~rollouts.used).sum():,} of them not learned from; mean reward of the others "
        f"{rollouts[rollouts.used].reward.mean():.3f}.</p>{body}</html>\n"
    )
    write_text(output, text)
    return {title: len(rows) for title, rows in sections.items()}


def choose(rollouts: pd.DataFrame, count: int) -> dict[str, pd.DataFrame]:
    """The latest of the best and of the worst that were learned from; of the prompts met twice, first and
    last answer of those whose mean reward changed most, learned from or not."""
    latest = rollouts[rollouts.used].sort_values(
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
    change = (ends["last"] - ends["first"])[ends["met"] > 1].abs()
    prompts = change.sort_values(ascending=False, kind="stable").head(count).index
    pairs = [
        rollouts[rollouts.prompt == prompt].sort_values(["step", "sample"]) for prompt in prompts
    ]
    ends_of_pairs = [pair.iloc[[0, -1]] for pair in pairs]
    changed = pd.concat(ends_of_pairs) if ends_of_pairs else rollouts.head(0)
    return {"Best": best, "Worst": worst, "Most changed, first and last": changed}


def _article(row) -> str:
    known = () if row.critical_entropies is None else row.critical_entropies
    entropies = ", ".join(f"{value:.2f}" for value in known)
    critical = f"; critical-token entropies {entropies} nats" if entropies else ""
    unused = "" if row.used else "; not learned from"
    return (
        f"<article><small>step {row.step}, {html.escape(row.prompt)}, sample {row['sample']}: reward "
        f"{row.reward:.2f} (accuracy {row.accuracy:g}, format {row.format:g}; {html.escape(row.by)}: "
        f"{html.escape(row.reason)}; {html.escape(row.finish)}{critical}{unused})</small>"
        f"<pre>{html.escape(row.text)}</pre></article>"
    )
