"""Analyses of single studies: figures 5 and 10, table 5, and the critical words of figure 11.

Each analysis returns tables and drawn figures.
"""

from typing import TypedDict

import numpy as np
import pandas as pd

from r1v3.analyze.studies import checkpoints
from r1v3.analyze.studies.evidence import Evidence, column
from r1v3.analyze.studies.figures import DrawnFigure, draw_curves, draw_points
from r1v3.evaluate.pages.hallucination import audit, table_5

PARTS = 5  # parts of a run for which the distribution of entropy is drawn


class ExtraTable(TypedDict):
    """A table of a study's page, whose cells are all text."""

    caption: str
    columns: list[str]
    rows: list[list[str]]


def study_extras(name: str, evidence: Evidence) -> tuple[list[ExtraTable], list[DrawnFigure]]:
    """Make the tables and figures of a study's `analyses`."""
    tables: list[ExtraTable] = []
    drawn: list[DrawnFigure] = []
    for analysis in evidence.study.analyses:
        more_tables, more_drawn = ANALYSES[analysis](name, evidence)
        tables += more_tables
        drawn += more_drawn
    return tables, drawn


def entropy_accuracy(name: str, evidence: Evidence) -> tuple[list[ExtraTable], list[DrawnFigure]]:
    """Make figure 5 with its controls: every checkpoint, the correlations, and the loss of each choice."""
    table = checkpoints.checkpoint_table(evidence)
    drawn = [
        draw_points(
            f"{name}-{measure.replace('/', '-').replace('_', '-')}",
            in_percent(table, measure),
            "critical words/mean",
            measure,
            ("entropy at critical tokens, nats", f"{measure}, %"),
        )
        for measure in evidence.study.by_step
    ]
    rows = []
    for found in checkpoints.correlations(table, evidence.study.by_step):
        if found["value"] is None:
            continue
        rows.append(
            [
                found["measure"],
                found["reading"],
                found["kind"],
                "step and run out" if found["detrended"] else "raw",
                f"{found['value']:+.2f}",
                f"{found['low']:+.2f} to {found['high']:+.2f}",
                f"{found['p']:.3f}",
                str(found["points"]),
                str(found["runs"]),
            ]
        )
    tables: list[ExtraTable] = [
        {
            "caption": "Entropy against accuracy over checkpoints: interval by bootstrap over runs, p by"
            " permutation within runs.",
            "columns": [
                "measure",
                "entropy at",
                "correlation",
                "trend",
                "value",
                "95 % interval",
                "p",
                "checkpoints",
                "runs",
            ],
            "rows": rows,
        }
    ]
    for measure in evidence.study.by_step:
        chosen = checkpoints.choices(table, measure)
        best = column(chosen, "best")
        lost = []
        for way in ("critical entropy", "reward", "last"):
            found = checkpoints.over_arms(chosen, best - column(chosen, way))
            lost.append(
                [
                    way,
                    f"{100 * found.estimate:.1f}",
                    f"{100 * found.low:.1f} to {100 * found.high:.1f}",
                    str(len(chosen)),
                ]
            )
        tables.append(
            {
                "caption": f"Regret on {measure}: points lost against the best kept checkpoint. The best is"
                " chosen with hindsight on the same items, so a little regret is luck.",
                "columns": [
                    "checkpoint chosen by",
                    "points lost",
                    "95 % interval over arms and seeds",
                    "runs",
                ],
                "rows": lost,
            }
        )
    return tables, drawn


def entropy_distribution(
    name: str, evidence: Evidence
) -> tuple[list[ExtraTable], list[DrawnFigure]]:
    """Make figure 10: the distribution of token entropy in fifths of each run, and its upper end."""
    rows, points = [], []
    threshold = evidence.graph.recipe.entropy.threshold
    for label in evidence.study.arms:
        metrics = evidence.run(label, 1).metrics
        for places in np.array_split(np.arange(len(metrics)), PARTS):
            part = [metrics[place] for place in places]
            counts = np.sum([row["entropy_histogram"] for row in part], axis=0)
            steps = f"{part[0]['step']} to {part[-1]['step']}"
            tokens = int(counts.sum())
            mean = float(np.mean([row["entropy"] for row in part]))
            high = float(np.mean([row["high_entropy_share"] for row in part]))
            rows.append([label, steps, f"{tokens:,}", f"{mean:.4f}", f"{high:.2e}"])
            for bin_, count in enumerate(counts):
                points.append(
                    {
                        "arm": f"steps {steps}",
                        "run": label,
                        "step": bin_,
                        "value": count / tokens,
                        "low": count / tokens,
                        "high": count / tokens,
                    }
                )
    first = next(iter(evidence.study.arms))
    table = pd.DataFrame(points)
    shown = table[(table["run"] == first) & (table["value"] > 0)].assign(
        value=lambda t: np.log10(t["value"]),
        low=lambda t: np.log10(t["low"]),
        high=lambda t: np.log10(t["high"]),
    )
    drawn = [
        draw_curves(
            f"{name}-distribution",
            shown,
            f"{first}: log10 share of tokens by bin of entropy",
            intervals=True,
        )
    ]
    return [
        {
            "caption": f"Mean entropy, and share of tokens above {threshold:g} nats, in fifths of each run.",
            "columns": [
                "run",
                "steps",
                "tokens",
                "mean entropy, nats",
                f"share above {threshold:g} nats",
            ],
            "rows": rows,
        }
    ], drawn


def hallucination(name: str, evidence: Evidence) -> tuple[list[ExtraTable], list[DrawnFigure]]:
    """Make table 5: answers with and without the phrase, for each arm and measure."""
    tables: list[ExtraTable] = []
    for label in evidence.study.arms:
        for measure in evidence.study.measures:
            found = audit(evidence.verdicts(label, measure, 1))
            rows = [
                [
                    row["subset"],
                    f"{row['n']:,}",
                    "none" if row["accuracy"] is None else f"{100 * row['accuracy']:.1f}",
                    f"{100 * row['published']:.1f}",
                ]
                for row in table_5(found)
            ]
            tables.append(
                {
                    "caption": f"Table 5, {label}, {measure}: is the picture said not to be seen?",
                    "columns": ["answers", "count", "right, %", "the report, %"],
                    "rows": rows,
                }
            )
    return tables, []


def critical_words(name: str, evidence: Evidence) -> tuple[list[ExtraTable], list[DrawnFigure]]:
    """Make the second half of figure 11: critical tokens a response, at first and at the end."""
    rows = []
    for label in evidence.study.arms:
        for seed in evidence.seeds_of(label):
            share = evidence.curve(label, seed, "critical_share")
            length = evidence.curve(label, seed, "response_length")
            tenth = max(1, len(share) // 10)
            for when, part in (
                ("first tenth", slice(0, tenth)),
                ("last tenth", slice(-tenth, None)),
            ):
                a, b = share.iloc[part].mean(), length.iloc[part].mean()
                rows.append([label, str(seed), when, f"{a:.4f}", f"{a / b:.2e}", f"{b:.1f}"])
    return [
        {
            "caption": "Critical tokens in the samples of each run.",
            "columns": [
                "run",
                "seed",
                "steps",
                "critical tokens a response",
                "probability of a critical token",
                "response length",
            ],
            "rows": rows,
        }
    ], []


def in_percent(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the table with one column in percent."""
    return table.assign(**{name: 100 * column(table, name)})


def benchmark_scores(name: str, evidence: Evidence) -> tuple[list[ExtraTable], list[DrawnFigure]]:
    """Tabulate every arm's score on each benchmark of the recipe, with the report's score."""
    table, rows = evidence.graph.project.benchmarks, []
    for label in evidence.study.arms:
        for benchmark in evidence.graph.recipe.evaluation.benchmarks:
            score = evidence.score(label, benchmark)
            if score is None:
                continue
            value, low, high = (f"{100 * score[key]:.1f}" for key in ("mean", "low", "high"))
            known = table[benchmark].published.get("skywork_r1v3_38b")
            theirs = "" if known is None else f"{known.score:g}"
            rows.append([label, table[benchmark].title, value, f"{low} to {high}", theirs])
    caption = "Scores of whole benchmarks, in percent."
    columns = ["model", "benchmark", "score", "95 % interval", "the report"]
    return [{"caption": caption, "columns": columns, "rows": rows}], []


ANALYSES = {
    "benchmark_scores": benchmark_scores,
    "entropy_accuracy": entropy_accuracy,
    "entropy_distribution": entropy_distribution,
    "hallucination": hallucination,
    "critical_words": critical_words,
}
