"""Reads config/studies.yaml and config/claims.yaml: what is compared, and what the report claims about it.

An arm is a checkpoint that answers: a run of the table, one of its checkpoints, and a thinking mode. A
measure is `<suite>/<benchmark or set>`. With `tokens:` before it, it is the mean length of the answers.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, model_validator

from r1v3.recipe.entries import read_entries
from r1v3.recipe.errors import RecipeError, unknown
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.schema.recipe import Recipe
from r1v3.recipe.schema.report_numbers import expression_value, flatten, names_of, settle_sum
from r1v3.recipe.schema.section import Positive, Section, Share

Analysis = Literal[
    "entropy_accuracy",
    "entropy_distribution",
    "hallucination",
    "critical_words",
    "benchmark_scores",
]
Reading = Literal["critical words", "sentence starts", "control words"]


class Arm(Section):
    """One side of a study. `common` is the last step that all reinforced arms kept."""

    run: str
    """A run of the table."""
    checkpoint: Literal["common", "selected", "last"] = "last"
    """Which of its checkpoints; common: the last step that all reinforced arms kept."""
    thinking_mode: str | None = None
    """The thinking mode in which it answers; null: the run's own."""
    engine: Literal["transformers", "vllm", "server"] | None = None
    """The engine that its run needs; recipes with another engine leave the arm out. null: any."""


class Study(Section):
    """One page: a question, its arms, and what is shown of them.

    `curves`: keys of metrics.jsonl, drawn over the steps. `by_step`: measures of the study suite, for every
    checkpoint that a reinforced arm keeps. `measures`: columns of the table. `published`: the report's
    numbers, by arm and measure; `null` if it has none.
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
    """The arms that are compared, by label."""
    curves: list[str] = []
    """Keys of metrics.jsonl that are drawn over the steps."""
    by_step: list[str] = []
    """Measures of the suite `study`, for every checkpoint of a reinforced arm."""
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
    """Two numbers of the report in percent, measured on `n` items; `b` is null for a single number."""

    a: float
    """The first number, in percent."""
    b: float | None
    """The second number, in percent; null: there is only one."""
    n: Positive | None
    """Number of items that both were measured on; null: not known."""
    where: str
    """Where the report states them."""


class Newer(Section):
    """A later paper than the report that is about a claim; `read` says how much of the paper was read."""

    arxiv: str
    """Its number at arXiv."""
    title: str
    """Its short name."""
    finds: str | None = None
    """What it finds, in a line; null if it was not read."""
    read: Literal["whole", "abstract", "unread"]
    """How much of it was read."""

    @model_validator(mode="after")
    def _only_what_was_read_finds_something(self):
        if (self.read == "unread") != (self.finds is None):
            raise ValueError(
                "finds: needed where the paper was read, and left out where it was not"
            )
        return self


class Claimed(Section):
    """The keys that every claim has.

    `training`: it is about a result of training, so one seed cannot decide it.
    `by_construction`: why the tiny world could show no other result. `post_hoc`: why it was worded after the
    first results; all other claims were fixed before the runs.
    """

    says: str
    """What the report says."""
    section: str
    """The section that says it."""
    study: str | None = None
    """The study that tests it."""
    carries: bool = False
    """Whether the report's conclusions depend on it."""
    training: bool = False
    """Whether it is about a result of training, so that one seed cannot decide it."""
    by_construction: str | None = None
    """Why the tiny world could show no other result."""
    post_hoc: str | None = None
    """Why it was worded after the first results."""
    published: PublishedPair | None = None
    """The report's own numbers."""
    newer: list[Newer] = []
    """What later papers than the report found about it."""


class Directed(Claimed):
    """A claim that something is more, less or the same.

    `least`: the smallest effect that counts, in the measure's own unit (a share, tokens, nats), fixed before
    the runs. If the claim states a proportion, `relative` divides the effect by what it is compared with (arm
    b, or the curve's beginning). `target` is the size that the claim states: `same` with a target of -0.18
    and `least` 0.06 means about 18 % less, from 12 to 24.
    """

    direction: Literal["more", "less", "same"]
    """The direction of the effect."""
    least: Annotated[float, Field(ge=0)]
    """The smallest effect that counts, in the measure's unit, fixed before the runs."""
    relative: bool = False
    """Whether the effect is divided by what it is compared with: arm b, or the curve's beginning."""
    target: float = 0.0
    """The size that the claim states, for `same`: the effect is within `least` of it."""

    @model_validator(mode="after")
    def _a_target_is_met(self):
        if self.target and self.direction != "same":
            raise ValueError(f"target: a size is met with 'same', not with '{self.direction}'")
        return self


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
    beside: str | None = None
    """Another measure, whose effect is shown beside the verdict and does not change it."""


class CurveChange(Directed):
    """An arm's training metric in its last tenth of steps minus that in its first tenth, or in its best.

    The best tenth is chosen because it is high, so noise alone makes the end lower. A claim about the time
    since the `peak` needs a `least` far above the noise of a tenth.
    """

    kind: Literal["change"]
    """The last tenth of a curve minus the first, or minus the best."""
    since: Literal["start", "peak"] = "start"
    """What the end is compared with: the first tenth, or the best."""
    arm: str
    """The arm."""
    metric: str
    """The key of metrics.jsonl."""


class CurveDifference(Directed):
    """The training metric of two arms in the last tenth of the steps that both have, or over all steps."""

    kind: Literal["curve"]
    """The curves of two arms."""
    a: str
    """The first arm."""
    b: str
    """The second arm."""
    metric: str
    """The key of metrics.jsonl."""
    of: Literal["end", "mean", "spread"] = "end"
    """What is compared: the last tenth of steps, the mean of all, or the spread of all."""


class CorrelationClaim(Claimed):
    """The rank correlation of critical-token entropy with a measure over checkpoints; see `detrended`."""

    kind: Literal["correlation"]
    """The correlation of critical-token entropy with a measure over checkpoints."""
    reading: Reading = "critical words"
    """The tokens whose entropy is taken."""
    measure: str
    """What is measured."""
    detrended: bool
    """Whether ranks are taken within each run."""
    direction: Literal["more", "less"]
    """The sign of the correlation."""
    least: Share
    """The smallest correlation that counts."""


class Regret(Claimed):
    """The loss of the choice by critical entropy against another choice, on a measure."""

    kind: Literal["regret"]
    """The loss of the choice by critical entropy against another choice."""
    measure: str
    """What is measured."""
    against: Literal["reward", "last"]
    """The other choice."""
    least: Share
    """The smallest loss that counts."""


class AuditClaim(Claimed):
    """A property of answers that say that the picture cannot be seen (table 5).

    `accuracy`: they are right less often than the others, by `least` or more. `summary`: of the answers whose
    thought says it, at most a share `least` says it again in the final answer.
    """

    kind: Literal["audit"]
    """A property of answers that say that the picture cannot be seen (table 5)."""
    arm: str = "slow"
    """The arm whose answers are read."""
    measure: str = "checkpoint/mmmu_val"
    """The benchmark or set that they answer."""
    of: Literal["accuracy", "summary"] = "accuracy"
    """Whether they are right less often, or whether the final answer says it too."""
    least: Share
    """The smallest difference, or the largest share, that counts."""


class Score(Directed):
    """An arm's score on a benchmark against a number of the report, if the real benchmark was asked.

    A claim about Table 1 has a `check` too: if the table contradicts the claim, no run can confirm it.
    """

    kind: Literal["score"]
    """An arm's score on a benchmark against a number of the report."""
    arm: str
    """The arm."""
    benchmark: str
    """The benchmark."""
    bar: str
    """The number that it is compared with, in percent: numbers of the report by name, and sums of them."""
    check: str | None = None
    """What the report's own tables must show."""
    numbers: dict[str, float] = {}
    """The report's numbers that `bar` and `check` name; filled in from config/report.yaml and Table 1."""


class Arithmetic(Claimed):
    """A statement about the report's own tables, which is checked by arithmetic."""

    kind: Literal["arithmetic"]
    """A statement about the report's own tables."""
    check: str
    """The sum that must hold, in the report's numbers by name, as in `table_2.rl < table_2.connector`."""
    numbers: dict[str, float] = {}
    """The report's numbers that `check` names; filled in from config/report.yaml and Table 1."""


class Untestable(Claimed):
    """A claim that cannot be tested here, and why."""

    kind: Literal["untestable"]
    """Not testable here."""
    why: str
    """Why it cannot be tested."""


Claim = Annotated[
    Difference
    | CurveChange
    | CurveDifference
    | CorrelationClaim
    | Regret
    | AuditClaim
    | Score
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
    engine = recipe.generation.engine
    return {name: _with_engine(study, engine) for name, study in studies.items()}


def _with_engine(study: Study, engine: str) -> Study:
    """Return the study without the arms that need another engine."""
    arms = {label: arm for label, arm in study.arms.items() if arm.engine in (None, engine)}
    return study if len(arms) == len(study.arms) else study.model_copy(update={"arms": arms})


def report_numbers(config: Path) -> dict[str, float]:
    """Return the report's numbers by path, from `report.yaml` and `benchmarks.yaml` (Table 1) of a folder."""
    table_1 = {
        name: entry["published"]
        for name, entry in read_yaml(config / "benchmarks.yaml").items()
        if isinstance(entry, dict) and isinstance(entry.get("published"), dict)
    }
    return flatten(table_1) | flatten(read_yaml(config / "report.yaml"))


def load_claims(path: Path, studies: dict[str, Study]) -> dict[str, Claim]:
    """Read and check the claims; the files with the report's numbers are in the same folder.

    Raises:
        RecipeError: with one line for each mistake.
    """
    claims = _read(path, Claim)
    lines: list[str] = []
    numbers: dict[str, float] = {}
    for name, claim in claims.items():
        if claim.study is not None and claim.study not in studies:
            lines.append(f"{path}: {name}: study: {unknown('study', claim.study, studies)}")
            continue
        arms = studies[claim.study].arms if claim.study else {}
        for key in ("a", "b", "arm"):
            arm = getattr(claim, key, None)
            if arm is not None and arm not in arms:
                lines.append(f"{path}: {name}: {key}: {unknown('arm', arm, arms)}")
        if isinstance(claim, Arithmetic | Score):
            numbers = numbers or report_numbers(path.parent)
            try:
                claims[name] = _with_numbers(claim, numbers)
            except ValueError as error:
                lines.append(f"{path}: {name}: check: {error}")
    if lines:
        raise RecipeError(lines)
    return claims


def _with_numbers(claim: Arithmetic | Score, known: dict[str, float]) -> Arithmetic | Score:
    """Return the claim with the values of the numbers that it names; a sum without a value is an error."""
    sums = [claim.check] if isinstance(claim, Arithmetic) else [claim.check, claim.bar]
    names = {name for text in sums if text for name in names_of(text)}
    known = known | claim.numbers
    numbers = {name: known[name] for name in names if name in known}
    if claim.check:
        settle_sum(claim.check, numbers)
    if isinstance(claim, Score):
        expression_value(claim.bar, numbers)
    return claim.model_copy(update={"numbers": dict(sorted(numbers.items()))})


def suite_of(measure: str, thinking_mode: str | None) -> tuple[str, str]:
    """Return the suite and the name of a measure: `("study", "normal")` for `tokens:study/normal`."""
    suite, _, name = measure.removeprefix("tokens:").partition("/")
    return (f"{suite}__{thinking_mode}" if thinking_mode else suite), name


def _read(path: Path, kind: Any) -> dict[str, Any]:
    return read_entries(path, TypeAdapter(kind).validate_python, lambda _: kind)


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
