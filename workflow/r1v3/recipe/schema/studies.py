"""The shape of config/studies.yaml and config/claims.yaml: what is compared, and what the report says of it.

An arm is a checkpoint that answers: a run of the table, which of its checkpoints, in which thinking mode.
A measure is `<suite>/<benchmark or set>`, or `tokens:` and the same for the mean length of the answers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from r1v3.recipe.errors import RecipeError, explain, unknown
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.schema.recipe import Recipe
from r1v3.recipe.schema.section import Positive, Section, Share

Analysis = Literal["entropy_accuracy", "entropy_distribution", "hallucination", "critical_words"]


class Arm(Section):
    """`common`: the last step that all reinforced arms of the study kept; equal length for all."""

    run: str
    """A run of the table."""
    checkpoint: Literal["common", "selected", "last"] = "last"
    """Which of its checkpoints; common: the last step that all reinforced arms kept."""
    thinking_mode: str | None = None
    """The thinking mode in which it answers; null: the run's own."""


class Study(Section):
    """One page: a question, its arms, and what is shown of them.

    `curves`: keys of metrics.jsonl, drawn over the steps. `by_step`: measures of the study suite, asked of
    every checkpoint that a reinforced arm keeps. `measures`: columns of the table. `published`: the report's
    numbers, by arm and measure; `null` where it has none.
    """

    title: str
    """The page's title."""
    section: str
    """The section of the report."""
    shows: str
    """The figure or table of the report."""
    question: str
    """The question that the study answers."""
    arms: dict[str, Arm]
    """What is compared, by label."""
    curves: list[str] = []
    """Keys of metrics.jsonl that are drawn over the steps."""
    by_step: list[str] = []
    """Measures of the suite `study`, asked of every checkpoint of a reinforced arm."""
    measures: list[str] = []
    """Columns of the table."""
    published: dict[str, dict[str, float]] = {}
    """The report's numbers, by arm and measure."""
    analyses: list[Analysis] = []
    """Further analyses that the page shows."""
    note: str | None = None
    """What a reader must know."""

    @model_validator(mode="after")
    def _published_arms_are_arms(self):
        for arm in self.published:
            if arm not in self.arms:
                raise ValueError(f"published: there is no arm '{arm}'")
        return self


class PublishedPair(Section):
    """Two numbers of the report in percent, measured on `n` items; `b` may be null for one alone."""

    a: float
    """The first number, in percent."""
    b: float | None
    """The second number, in percent; null: there is one alone."""
    n: Positive | None
    """Items that both were measured on; null: not known."""
    where: str
    """Where the report has them."""


class Claimed(Section):
    """What every claim has. `training`: it is about the outcome of training, so one seed cannot settle it.

    `by_construction`: why the tiny world could show nothing else. `post_hoc`: why it was worded after the
    first results; all other claims were fixed before the runs.
    """

    says: str
    """What the report says."""
    section: str
    """The section that says it."""
    study: str | None = None
    """The study that tests it."""
    carries: bool = False
    """Whether the report rests on it."""
    training: bool = False
    """Whether it is about the outcome of training, so that one seed cannot settle it."""
    by_construction: str | None = None
    """Why the tiny world could show nothing else."""
    post_hoc: str | None = None
    """Why it was worded after the first results."""
    published: PublishedPair | None = None
    """The report's own numbers."""


class Directed(Claimed):
    """A claim that something is more, less or the same.

    `least`: the smallest effect that would count, in the measure's own unit (a share, tokens, nats), fixed
    before the runs.
    """

    direction: Literal["more", "less", "same"]
    """Which way the effect goes."""
    least: Annotated[float, Field(ge=0)]
    """The smallest effect that counts, in the measure's unit, fixed before the runs."""


class Difference(Directed):
    """Arm a minus arm b of a study in one measure, paired over items."""

    kind: Literal["difference"]
    """Arm a minus arm b in a measure, paired over items."""
    a: str
    """The first arm."""
    b: str
    """The second arm."""
    measure: str
    """What is measured."""


class CurveChange(Directed):
    """An arm's training metric in its last tenth of steps minus that of its first tenth."""

    kind: Literal["change"]
    """The last tenth of a curve minus the first."""
    arm: str
    """The arm."""
    metric: str
    """The key of metrics.jsonl."""


class CurveDifference(Directed):
    """Two arms' training metric over the last tenth of the steps that both have, or the spread of all."""

    kind: Literal["curve"]
    """The curves of two arms."""
    a: str
    """The first arm."""
    b: str
    """The second arm."""
    metric: str
    """The key of metrics.jsonl."""
    of: Literal["end", "mean", "spread"] = "end"
    """Their last tenth, the mean of all, or the spread of all."""


class CorrelationClaim(Claimed):
    """Critical-token entropy against a measure over checkpoints, as ranks; `detrended` within each run."""

    kind: Literal["correlation"]
    """Critical-token entropy against a measure over checkpoints."""
    measure: str
    """What is measured."""
    detrended: bool
    """Whether ranks are within each run."""
    direction: Literal["more", "less"]
    """The sign of the correlation."""
    least: Share
    """The smallest correlation that counts."""


class Regret(Claimed):
    """What the choice by critical entropy loses against another choice, on a measure."""

    kind: Literal["regret"]
    """What the choice by critical entropy loses against another."""
    measure: str
    """What is measured."""
    against: Literal["reward", "last"]
    """The other choice."""
    least: Share
    """The smallest loss that counts."""


class AuditClaim(Claimed):
    """Answers that say the picture cannot be seen are right less often (table 5)."""

    kind: Literal["audit"]
    """Answers that say the picture cannot be seen are right less often (table 5)."""
    least: Share
    """The smallest difference that counts."""


class Arithmetic(Claimed):
    """A statement about the report's own tables, settled by them."""

    kind: Literal["arithmetic"]
    """A statement about the report's own tables."""
    check: str
    """The computation."""
    holds: bool
    """Whether it holds."""


class Untestable(Claimed):
    """Not testable here, and why."""

    kind: Literal["untestable"]
    """Not testable here."""
    why: str
    """Why not."""


Claim = Annotated[
    Difference
    | CurveChange
    | CurveDifference
    | CorrelationClaim
    | Regret
    | AuditClaim
    | Arithmetic
    | Untestable,
    Field(discriminator="kind"),
]


def load_studies(path: Path, runs: dict[str, Any], recipe: Recipe) -> dict[str, Study]:
    """Read and check the studies.

    Raises:
        RecipeError: with one line for each mistake.
    """
    studies = _read(path, Study)
    lines = []
    for name, study in studies.items():
        lines += [f"{path}: {name}: {line}" for line in _mistakes(study, runs, recipe)]
    if lines:
        raise RecipeError(lines)
    return studies


def load_claims(path: Path, studies: dict[str, Study]) -> dict[str, Claim]:
    """Read and check the claims.

    Raises:
        RecipeError: with one line for each mistake.
    """
    claims = _read(path, Claim)
    lines = []
    for name, claim in claims.items():
        if claim.study is not None and claim.study not in studies:
            lines.append(f"{path}: {name}: study: {unknown('study', claim.study, studies)}")
            continue
        arms = studies[claim.study].arms if claim.study else {}
        for key in ("a", "b", "arm"):
            arm = getattr(claim, key, None)
            if arm is not None and arm not in arms:
                lines.append(f"{path}: {name}: {key}: {unknown('arm', arm, arms)}")
    if lines:
        raise RecipeError(lines)
    return claims


def suite_of(measure: str, thinking_mode: str | None) -> tuple[str, str]:
    """The suite and the name of a measure: `("study", "normal")` of `tokens:study/normal`."""
    suite, _, name = measure.removeprefix("tokens:").partition("/")
    return (f"{suite}__{thinking_mode}" if thinking_mode else suite), name


def _read(path: Path, kind: Any) -> dict[str, Any]:
    entries, found, lines = read_yaml(path), {}, []
    for name, raw in entries.items():
        try:
            found[name] = TypeAdapter(kind).validate_python(raw)
        except ValidationError as error:
            lines += explain(error, kind, raw, lambda _, name=name: f"{path}: {name}")
    if lines:
        raise RecipeError(lines)
    return found


def _mistakes(study: Study, runs: dict[str, Any], recipe: Recipe) -> Iterator[str]:
    evaluation = recipe.evaluation
    known = {
        "study": [*evaluation.study.benchmarks, *evaluation.study.sets],
        "held_out": list(evaluation.held_out),
        "checkpoint": [evaluation.checkpoint_benchmark],
        "benchmarks": evaluation.benchmarks,
    }
    for label, arm in study.arms.items():
        if arm.run not in runs:
            yield f"arms: {label}: {unknown('run', arm.run, runs)}"
        elif arm.checkpoint != "last" and runs[arm.run].stage != "grpo":
            yield f"arms: {label}: checkpoint: '{arm.checkpoint}' needs a run of stage grpo"
        if arm.thinking_mode is not None and arm.thinking_mode.partition("_")[0] not in (
            "cap",
            "force",
        ):
            modes = recipe.thinking.modes()
            if arm.thinking_mode not in modes:
                yield f"arms: {label}: {unknown('thinking mode', arm.thinking_mode, modes)}"
    for measure in [*study.by_step, *study.measures]:
        suite, name = suite_of(measure, None)
        if suite not in known:
            yield f"{measure}: {unknown('suite', suite, known)}"
        elif name not in known[suite]:
            yield f"{measure}: {unknown(f'part of {suite}', name, known[suite])}"
