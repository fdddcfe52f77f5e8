"""Defines the schema of a recipe: every number that can change a result, and nothing else.

Unknown keys are errors at every level. So a typing mistake is found before the graph is built. Required keys
have no default, so that `paper.yaml` is complete. Only `layout`, the machines of each stage, changes results
by no more than rounding. Launchers and the properties of a cluster belong to `slurm/`.
"""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from r1v3.recipe.schema.cleaning import Cleaning
from r1v3.recipe.schema.data import Baseline, DataSet, HubModel, Model, NamedModel
from r1v3.recipe.schema.layout import Layout
from r1v3.recipe.schema.section import (
    GrowingSection,
    Name,
    Names,
    Positive,
    Rate,
    Section,
    Seed,
    Share,
)
from r1v3.recipe.schema.thinking import ThinkingModes
from r1v3.recipe.schema.training import Grpo, Parallel, Reward, Sft, Verifier

Determinism = Literal["exact", "fast"]
LicenceGate = Literal["any", "stated", "permissive"]


class Template(Section):
    """The chat template of section 6.2."""

    system: str
    """The system turn of every conversation (section 6.2)."""
    user_role: str
    """The name of the role that asks."""
    assistant_role: str
    """The name of the role that answers."""


class OwnTemplate(Section):
    """The chat template of another group's model, and how its authors use it.

    A model whose entry has neither `system` nor `tags` has the word `own` in place of this.
    """

    system: str | None
    """The system turn; null: the one that the template itself writes."""
    opens: str
    """What begins a thought."""
    closes: str
    """What ends it."""


def own_template(model: HubModel) -> OwnTemplate | Literal["own"]:
    """Return how a model of a hub is asked: by its own chat template, as its authors do."""
    if model.system is None and model.tags is None:
        return "own"
    return OwnTemplate(
        system=model.system.text if model.system else None,
        opens=model.tags.opens if model.tags else "<think>",
        closes=model.tags.closes if model.tags else "</think>",
    )


class Images(Section):
    """How a picture is cut into tiles (InternVL's dynamic tiling)."""

    min_tiles: Positive
    """The fewest tiles that a picture is cut into."""
    max_tiles: Positive
    """The most tiles that a picture is cut into; several tiles get a thumbnail in addition.
    """
    max_pixels: Positive
    """A picture with more pixels is refused before it is decoded; smaller ones are scaled into the tiles."""

    @model_validator(mode="after")
    def _in_order(self):
        if self.min_tiles > self.max_tiles:
            raise ValueError(f"min_tiles is above max_tiles ({self.min_tiles}, {self.max_tiles})")
        return self


class Entropy(Section):
    """What counts as a critical token (section 5.1) and as high entropy (section 6.5), in nats."""

    critical_words: list[str]
    """Words at which a thought turns; their first token is a critical token."""
    control_words: list[str]
    """Words at which no thought turns, which are measured for comparison."""
    minimum_count: Positive
    """Fewest critical tokens that a checkpoint must have written for its entropy to count."""
    threshold: Rate
    """Entropy above which a token counts as uncertain, in nats."""
    resamples: Positive
    """Bootstrap resamples of each interval."""


class Selection(Section):
    """How the checkpoint of an RL run is chosen (section 5.1), without any benchmark.

    `within_reward`: critical entropy chooses among the checkpoints whose reward on the probe set is at most
    this far below the best. With `null` it chooses among all.
    `dtype` and `parallel` say how the entropies of the answers are computed.
    """

    policy: Literal["critical_entropy", "reward", "last"]
    """What decides the choice of the checkpoint."""
    within_reward: Share | None
    """With critical_entropy: only checkpoints whose reward on the probe set is at most this far
    below the best; null: all."""
    probe: str
    """The data set that checkpoints answer."""
    samples: Positive
    """Answers to each question."""
    temperature: Rate
    """Sampling temperature."""
    max_new_tokens: Positive
    """Most tokens of an answer."""
    dtype: Literal["float32", "bfloat16"]
    """float format in which entropies are computed."""
    parallel: Parallel
    """How processes share the model while entropies are computed."""


class StudySuite(Section):
    """What the checkpoints of every study answer: benchmarks, and sets that are answered greedily."""

    benchmarks: Names
    """Benchmarks of the suite `study`."""
    sets: dict[Name, str]
    """Data sets of the suite `study`, by the name that measures use; they are answered greedily."""


class Evaluation(GrowingSection):
    """The settings of evaluations (section 4)."""

    protocol: Literal["report", "released"]
    """The report's own settings, or those of its released code."""
    benchmarks: Names
    """Benchmarks of the final table."""
    source: Literal["files", "miniature"]
    """Published files, or miniatures drawn from the tiny world."""
    items: Positive | None
    """Most items of a benchmark; null: all."""
    runs: Positive
    """Sampled runs of each benchmark."""
    temperature: Annotated[float, Field(ge=0)]
    """Sampling temperature; 0 is greedy."""
    top_p: Annotated[Share, Field(gt=0)]
    """Nucleus of the sampling distribution; 1 is all of it."""
    max_new_tokens: Positive
    """Most tokens of an answer."""
    held_out: dict[Name, str]
    """Held-out data sets, by the name that measures use; they are answered greedily."""
    checkpoint_benchmark: str
    """The benchmark that every checkpoint of RL answers."""
    study: StudySuite
    """What the checkpoints of every study answer."""
    confidence: Annotated[float, Field(gt=0, lt=1)]
    """Level of the intervals, as a share."""
    resamples: Positive
    """Bootstrap resamples of each interval."""
    second_judge: Verifier | None = None
    """A second model that judges the same answers, to show how far two judges agree; null: none."""


class Parity(Section):
    """How far vLLM's greedy log-probabilities may be from the trained model's own, in nats.

    If the engine is vllm, `tokens` tokens of each answer are compared before RL and evaluation.
    """

    max_gap: Rate
    """Largest difference of two log-probabilities that passes, in nats."""
    tokens: Positive
    """Tokens of each answer that are compared."""


class Generation(Section):
    """Which engine answers, and how a thought begins (`slow`: the template opens `<think>`).

    A failed `parity` check stops the stages that follow. It changes no result, so no resolved config has it.
    """

    engine: Literal["transformers", "vllm", "server"]
    """The engine that answers: in this process, vLLM, or an OpenAI-compatible server."""
    mode: Literal["slow", "nothink", "nowait"]
    """The thinking mode: slow opens <think> in the template, nothink does not, nowait also bans
    words."""
    parity: Parity
    """The parity check that vLLM has to pass; it changes no result."""


def _resolve_aliases(models: object) -> object:
    """Replace each alias by the entry of the model that it names."""
    if not isinstance(models, dict):
        return models
    return {name: _aliased(name, entry, models) for name, entry in models.items()}


def _aliased(name: str, entry: object, models: dict[str, Any]) -> object:
    if not isinstance(entry, dict) or entry.get("source") != "alias":
        return entry
    target = models.get(str(entry.get("of")))
    if set(entry) != {"source", "of"} or not isinstance(target, dict):
        known = ", ".join(each for each in models if each != name)
        raise ValueError(f"{name}: an alias has `of` alone, which names one of {known}")
    if target.get("source") == "alias":
        raise ValueError(f"{name}: {entry['of']} is an alias itself; name its model")
    return target


class Recipe(Section):
    """A whole reproduction in one size."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    """The recipe's name, which is part of file names; letters, digits and `_.-`."""
    seed: Seed
    """The seed from which every random stream is derived."""
    determinism: Determinism
    """exact: equal runs give equal bits on accelerators too, but are slower; fast: they differ by rounding
    there. On CPUs both are exact."""
    licences: LicenceGate
    """Which sources training sets may use: any; stated: those whose card states a licence; permissive: those
    whose licence also allows use and change of the result for any purpose."""
    template: Template
    """The chat template."""
    images: Images
    """How a picture is cut into tiles."""
    models: Annotated[
        dict[Name, Model],
        BeforeValidator(_resolve_aliases, json_schema_input_type=dict[str, NamedModel]),
    ]
    """Models that no run of the table trains, by name."""
    data: dict[Name, DataSet]
    """Data sets by name."""
    cleaning: Cleaning
    """What all data sets share."""
    sft: dict[Name, Sft]
    """Settings of supervised runs, by name."""
    grpo: dict[Name, Grpo]
    """Settings of reinforced runs, by name."""
    entropy: Entropy
    """What counts as a critical token."""
    selection: Selection
    """How the checkpoint of an RL run is chosen."""
    evaluation: Evaluation
    """How models are evaluated."""
    generation: Generation
    """Which engine answers."""
    grading: Reward
    """How answers are graded outside of RL."""
    thinking: ThinkingModes
    """The thinking modes that are compared."""
    baselines: dict[Name, Baseline]
    """Models of others that are evaluated beside ours, by name."""
    layout: Layout
    """The machines of each stage; no hash covers them."""


class ModelEntry(Section):
    """A model of the recipe, which no ablation changes."""

    stage: Literal["model"]
    """The stage that makes it."""
    model: str
    """A model of the recipe."""
    why: str | None = None
    """The question that this run answers."""


class SftEntry(Section):
    """A supervised run: `settings` names an entry of the recipe's `sft`, `set` changes keys of it."""

    stage: Literal["sft"]
    """The stage that trains it."""
    start: str = Field(alias="from")
    """The run whose checkpoint it starts from."""
    checkpoint: Literal["last", "selected"] = "last"
    """Which checkpoint of that run."""
    data: str
    """The data set that it learns from."""
    settings: str
    """The entry of the recipe that it takes its settings from."""
    set: dict[str, Any] = {}
    """Keys of the settings that this run changes."""
    seed: Seed | None = None
    """The seed of this run alone; null: the recipe's."""
    why: str | None = None
    """The question that this run answers."""


class GrpoEntry(Section):
    """A reinforcement run: `settings` names an entry of the recipe's `grpo`.

    `without`: module groups whose output is set to zero before the first step, and which are not trained
    (`r1v3.model.groups.zero_modules`). `seed` is the seed of this run alone; by default it is the recipe's.
    """

    stage: Literal["grpo"]
    """The stage that trains it."""
    start: str = Field(alias="from")
    """The run whose checkpoint it starts from."""
    checkpoint: Literal["last", "selected"] = "last"
    """Which checkpoint of that run."""
    data: str
    """The data set that it learns from."""
    settings: str
    """The entry of the recipe that it takes its settings from."""
    method: str | None = None
    """A method of another paper; its keys are laid over `settings`, and `set` over them (docs/grpo.md)."""
    set: dict[str, Any] = {}
    """Keys of the settings that this run changes."""
    without: list[Literal["connector"]] = []
    """Module groups whose output is zero from the first step on; they are not trained."""
    mode: Literal["slow", "nothink"] | None = None
    """Whether its prompts open `<think>`, in training and later: slow, or nothink; null: the recipe's."""
    seed: Seed | None = None
    """The seed of this run alone; null: the recipe's."""
    why: str | None = None
    """The question that this run answers."""


RunEntry = Annotated[ModelEntry | SftEntry | GrpoEntry, Field(discriminator="stage")]
