"""Shows a run while it learns: metrics, alarms and newest answers, in the terminal or on a page."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import MADE_AGAIN
from r1v3.data.records import Record, read_records
from r1v3.recipe.graph.identity import ID, RESOLVED
from r1v3.recipe.outputs.config_file import folder_named, read_config_file
from r1v3.render.figures import curves
from r1v3.render.page import render_page
from r1v3.render.picture import embedded_picture
from r1v3.train.core.metrics import finite_values, read_metrics
from r1v3.train.grpo.records.alarms import Alarm, find_alarms

# The key of a metric, and its title on the screen.
SHOWN = {
    "reward": "reward",
    "accuracy": "accuracy",
    "response_length": "tokens a response",
    "entropy": "entropy, nats",
    "mismatch/kl": "engine to trainer, nats a token",
    "zero_variance_groups": "groups without variance",
    "truncated": "cut off",
    "repetition": "repetition",
}
SAMPLES = 6
# What a rollout's row has at least.
ROLLOUT = {"prompt": str, "text": str, "by": str, "reward": int | float, "accuracy": int | float}
REMOVE = "remove it to see the others"
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class RunSoFar:
    """The results that a run has written so far.

    Attributes:
        rules: each rule's share of the newest step's answers, and its share of the answers graded right.
        samples: for some prompts of the newest step, the best and the worst answer.
    """

    name: str
    rows: list[dict[str, Any]]
    steps: int
    finished: bool
    alarms: list[Alarm]
    rules: list[tuple[str, float, float]]
    samples: list[dict[str, Any]]


def read_run_so_far(run: Path, root: Path = Path()) -> RunSoFar:
    """Read the folder of a run.

    Args:
        run: a run's folder, its stable name (results/runs/rl.json), or its name (rl). A name stands for the
            folder of that name that was begun last.
        root: the checkout in whose results a name is looked for.

    Raises:
        ValueError: there is no GRPO run.
    """
    run = grpo_folder(run, root)
    config = read_config_file(run / "config.json")
    if config["kind"] != "grpo":
        raise ValueError(f"{run}: a run of stage grpo is needed, not {config['kind']}")
    steps, data = _settings(run / "config.json", config)
    rows = read_metrics(run / "metrics.jsonl")
    answers = newest_rollouts(run)
    return RunSoFar(
        name=run.resolve().name,
        rows=rows,
        steps=steps,
        finished=(run / "manifest.json").exists(),
        alarms=find_alarms(rows),
        rules=shares_of_rules(answers),
        samples=with_pictures(choose_samples(answers), run, data),
    )


def _settings(path: Path, config: dict[str, Any]) -> tuple[int, str]:
    """Return the steps that a run is to take, and the id of its data."""
    resolved = config.get(RESOLVED, {})
    settings = resolved.get("settings")
    steps = settings.get("steps") if isinstance(settings, dict) else None
    data = resolved.get("data")
    if not isinstance(steps, int) or not isinstance(data, str):
        raise ValueError(f"{path}: damaged; it has no steps of a GRPO run or no data; {MADE_AGAIN}")
    return steps, data


def grpo_folder(run: Path, root: Path = Path()) -> Path:
    """Return the folder of a run, given its folder, its stable name's file, or its name.

    An unfinished run has no stable name yet. If several folders have the name, the one that was begun last
    is returned.

    Args:
        root: the checkout whose results are searched for a name.

    Raises:
        ValueError: there is none.
    """
    run = Path(run)
    if run.suffix == ".json" and run.exists():
        return folder_named(run)
    if (run / "config.json").exists():
        return run
    name = run.stem if len(run.parts) == 1 or run.suffix == ".json" else ""
    begun = [path for path in (root / "results/runs").glob(f"{name}-*/config.json") if name]
    begun = [path for path in begun if ID.fullmatch(path.parent.name)]
    begun = [path for path in begun if path.parent.name.rpartition("-")[0] == name]
    if not begun:
        raise ValueError(f"{run}: there is no run here; name a folder of results/runs, or a run")
    return max(begun, key=lambda path: path.stat().st_mtime).parent


def newest_rollouts(run: Path) -> list[dict[str, Any]]:
    """Return the newest step's kept rollouts, group by group; an empty list if none were kept."""
    files = sorted((run / "rollouts").glob("step-*.parquet"))
    if not files:
        return []
    answers = pq.read_table(files[-1]).to_pylist()
    for row in answers:
        for key, kind in ROLLOUT.items():
            if not isinstance(row.get(key), kind):
                raise ValueError(f"{files[-1]}: damaged; {key} is missing or no value; {REMOVE}")
    return answers


def shares_of_rules(answers: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """Return each rule or verifier with its share of the answers and of the right ones, commonest first."""
    all_of = Counter(str(answer["by"]) for answer in answers)
    right_of = Counter(str(answer["by"]) for answer in answers if answer["accuracy"] > 0)
    right = max(1, right_of.total())
    return [(by, n / len(answers), right_of[by] / right) for by, n in all_of.most_common()]


def choose_samples(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choose the best and the worst answer to each of the first prompts, best first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for answer in answers:
        groups.setdefault(answer["prompt"], []).append(answer)
    chosen: list[dict[str, Any]] = []
    for own in list(groups.values())[: SAMPLES // 2]:
        own = sorted(own, key=lambda answer: -float(answer["reward"]))
        chosen += [own[0], own[-1]] if len(own) > 1 else own
    return chosen


def with_pictures(samples: list[dict[str, Any]], run: Path, data: str) -> list[dict[str, Any]]:
    """Add question and pictures to samples, if the run's data set is still beside it."""
    folder = run.resolve().parents[1] / "data" / data
    records: dict[str, Record] = {}
    if samples and (folder / "records.parquet").exists():
        wanted = {sample["prompt"] for sample in samples}
        records = {r.id: r for r in read_records(folder) if r.id in wanted}
    shown: list[dict[str, Any]] = []
    for sample in samples:
        record = records.get(sample["prompt"])
        pictures = [folder / image for image in record.images] if record else []
        shown.append(
            sample
            | {
                "question": record.question if record else "",
                "answer": record.answer if record else "",
                "pictures": [embedded_picture(path) for path in pictures if path.exists()],
            }
        )
    return shown


def watch_screen(seen: RunSoFar) -> str:
    """Write a screen of text: the newest values with their course, alarms, rules, and one answer."""
    if not seen.rows:
        return f"{seen.name}: no step is done yet"
    step = seen.rows[-1]["step"]
    state = "finished" if seen.finished else "running"
    lines = [f"{seen.name}: step {step} of {seen.steps}, {state}"]
    for key, title in SHOWN.items():
        values = list(finite_values(seen.rows, key).values())
        if values:
            lines.append(f"  {title:32} {values[-1]:9.3f}  {course(values)}")
    for alarm in seen.alarms:
        lines.append(f"  ALARM {alarm.name}: {alarm.says}")
    if seen.rules:
        named = (f"{by} {share:.0%} ({right:.0%} of the right)" for by, share, right in seen.rules)
        lines.append("  decided by " + ", ".join(named))
    for sample in seen.samples[:2]:
        text = " ".join(str(sample["text"]).split())
        printable = "".join(c if c.isprintable() else "�" for c in text)
        lines.append(f"  {sample['prompt']}, reward {sample['reward']:.2f}: {printable[:160]}")
    return "\n".join(lines)


def course(values: list[float], width: int = 30) -> str:
    """Draw values as a line of bars. Each bar is the mean of an equal part of the values."""
    count = min(width, len(values))
    cuts = [len(values) * n // count for n in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(cuts)]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)


def write_watch_page(seen: RunSoFar, output: Path, *, every: float) -> None:
    """Write the page. It reloads itself every `every` seconds until the run is finished."""
    figures: list[str] = []
    for key, title in SHOWN.items():
        found = [(row["step"], row[key]) for row in seen.rows if key in row]
        if found:
            steps, values = [step for step, _ in found], [value for _, value in found]
            name = key.replace("/", "_")
            figures.append(curves(name, f"{title} over steps", {title: (steps, values)}, y=title))
    page = render_page(
        "watch.html.j2",
        seen=seen,
        step=seen.rows[-1]["step"] if seen.rows else 0,
        figures=figures,
        every=None if seen.finished else round(1000 * every),
    )
    write_text(output, page)
