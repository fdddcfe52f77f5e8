"""Curves and bars of the report. Each panel is a small figure that fits on a phone."""

from typing import Any

from r1v3.analyze.results import Result
from r1v3.recipe.graph.configs import GrpoConfig
from r1v3.render.figures import curves, dots, scatter, strip

# Metric, title, and whether the axis begins at zero.
GRPO_PANELS = (
    ("reward", "reward", False),
    ("accuracy", "accuracy of samples", False),
    ("format", "format reward", False),
    ("response_length", "response length, tokens", True),
    ("truncated", "share of responses cut off", True),
    ("entropy", "entropy of sampled tokens, nats", True),
    ("critical_token_entropy", "entropy at critical tokens, nats", True),
    ("critical_tokens", "critical tokens a step", True),
    ("high_entropy_share", "share of tokens above {threshold:g} nats", True),
    ("zero_variance_groups", "share of groups with equal rewards", True),
)


def grpo_panels(run: Result, chosen: int | None = None) -> list[str]:
    """Draw the quantities of figures 6, 10 and 11 over the steps of a GRPO run, if it recorded them."""
    config = run.config_as(GrpoConfig)
    lengths = config.settings.lengths
    raised = [(stage.step, f"{stage.tokens:,} allowed") for stage in lengths if stage.step]
    panels = []
    for key, title, from_zero in GRPO_PANELS:
        line = run.series(key)
        if not line[0]:
            continue
        title = title.format(threshold=config.entropy.threshold)
        marks = raised if key in ("response_length", "truncated") else []
        if key == "critical_token_entropy" and chosen is not None:
            marks = [(chosen, "chosen")]
        panels.append(
            curves(
                f"{run.name}-{key}".replace("_", "-"),
                f"{title} over the GRPO steps of {run.name}: {ends(line[1])}",
                {key: line},
                y=title,
                marks=marks,
                from_zero=from_zero,
            )
        )
    norms = gradient_norms(run)
    return [*panels, norms] if norms else panels


def grpo_picture(run: Result) -> str:
    """Draw the curves that introduce a GRPO run: reward and its parts, response length, entropy."""
    reward = {key: run.series(key) for key in ("reward", "accuracy", "format")}
    length = run.series("response_length")
    entropy = run.series("entropy")
    alt = (
        f"over the steps of {run.name}: reward {ends(reward['reward'][1])}, response length "
        f"{ends(length[1])} tokens, entropy {ends(entropy[1])} nats"
    )
    return strip(
        "grpo",
        alt,
        [
            {"y": "reward, accuracy, format", "lines": reward},
            {"y": "response length, tokens", "lines": {"length": length}},
            {"y": "entropy, nats a token", "lines": {"entropy": entropy}},
        ],
    )


def gradient_norms(run: Result) -> str | None:
    """Draw the gradient norm of each module group over the steps."""
    prefix = "grad_norm/"
    keys = sorted({key for row in run.metrics for key in row if key.startswith(prefix)})
    if not keys:
        return None
    lines = {key.removeprefix(prefix).replace("_", " "): run.series(key) for key in keys}
    alt = f"gradient norm of {', '.join(lines)} over the steps of {run.name}"
    name = f"{run.name}-grad-norm".replace("_", "-")
    return curves(name, alt, lines, y="gradient norm", from_zero=True)


def loss_panels(runs: list[Result]) -> list[str]:
    """Draw the losses of supervised runs, with the validation loss that early stopping uses."""
    panels = []
    for run in runs:
        lines = {"training": run.series("loss")}
        validation = run.series("validation_loss")
        if validation[0]:
            lines["validation"] = validation
        if run.kind == "grpo" or not lines["training"][0]:
            continue
        best = run.facts.get("best_step")
        panels.append(
            curves(
                f"{run.name}-loss".replace("_", "-"),
                f"loss of {run.name} over its steps: {ends(lines['training'][1])}",
                lines,
                y=f"{run.name}: loss, nats a token",
                marks=[(best, "best")] if best is not None else [],
            )
        )
    return panels


def selection_panel(rows: list[dict[str, Any]], title: str) -> str | None:
    """Draw figure 5: entropy at critical tokens against the benchmark, one point for each checkpoint."""
    points = [
        {
            "x": row["entropy"],
            "x_low": row["low"],
            "x_high": row["high"],
            "y": 100 * row["score"]["mean"],
            "y_low": 100 * row["score"]["low"],
            "y_high": 100 * row["score"]["high"],
            "label": str(row["step"]),
            "chosen": row["chosen"],
        }
        for row in rows
        if row["entropy"] is not None
    ]
    if not points:
        return None
    said = "; ".join(
        f"step {p['label']}{' (chosen)' if p['chosen'] else ''} {p['x']:.3f} nats, {p['y']:.1f} %"
        for p in points
    )
    alt = f"entropy at critical tokens against {title}: {said}"
    return scatter("selection", alt, points, x="entropy at critical tokens, nats", y=f"{title}, %")


def benchmark_panel(groups: dict[str, list[dict[str, Any]]]) -> str:
    """Draw our benchmark scores with their intervals, in Table 1's order."""
    rows = [row for group in groups.values() for row in group]
    points = [
        (row["title"], *(100 * row["score"][k] for k in ("mean", "low", "high"))) for row in rows
    ]
    said = "; ".join(
        f"{title} {mean:.1f} ({low:.1f} to {high:.1f})" for title, mean, low, high in points
    )
    return dots("benchmarks", f"our score on each benchmark: {said}", points, x="our score, %")


def ends(values: list[float]) -> str:
    """Say where a curve begins and ends: the means of its first and its last tenth."""
    tenth = max(1, len(values) // 10)
    first, last = (sum(part) / tenth for part in (values[:tenth], values[-tenth:]))
    return f"from {first:.3g} at first to {last:.3g} at the end"
