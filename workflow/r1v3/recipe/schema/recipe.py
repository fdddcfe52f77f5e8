"""The shape of a recipe: every number that can change a result, and nothing else.

Unknown keys are errors at every level and no key has a default, so that `paper.yaml` is complete and
a typing mistake is caught before the graph is built. Only `layout`, the machines of each stage, changes
results by no more than rounding; launchers and what one cluster has belong to `slurm/`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from r1v3.recipe.schema.cleaning import Cleaning
from r1v3.recipe.schema.data import Baseline, DataSet, Model
from r1v3.recipe.schema.layout import Layout
from r1v3.recipe.schema.section import Positive, Rate, Section, Share
from r1v3.recipe.schema.thinking import Thinking
from r1v3.recipe.schema.training import Grpo, Parallel, Reward, Sft


class Template(Section):
    """The chat template of section 6.2."""

    system: str
    user_role: str
    assistant_role: str


class Images(Section):
    """How a picture becomes tiles (InternVL's dynamic tiling)."""

    min_tiles: Positive
    max_tiles: Positive
    max_pixels: Positive


class Entropy(Section):
    """What counts as a critical token (section 5.1) and as a high entropy (section 6.5), in nats."""

    critical_words: list[str]
    control_words: list[str]
    minimum_count: Positive
    threshold: Rate
    resamples: Positive


class Selection(Section):
    """How the checkpoint of an RL run is chosen (section 5.1); no benchmark takes part.

    `within_reward`: critical entropy chooses among the checkpoints whose reward on the probe set is at
    most this far below the best; `null` among all.
    `dtype` and `parallel`: how the entropies of the answers are computed.
    """

    policy: Literal["critical_entropy", "reward", "last"]
    within_reward: Share | None
    probe: str
    samples: Positive
    temperature: Rate
    max_new_tokens: Positive
    dtype: Literal["float32", "bfloat16"]
    parallel: Parallel


class StudySuite(Section):
    """What the checkpoints of every study answer: benchmarks, and sets that are answered greedily."""

    benchmarks: list[str]
    sets: dict[str, str]


class Evaluation(Section):
    """Section 4's settings."""

    protocol: Literal["report", "released"]
    benchmarks: list[str]
    source: Literal["files", "miniature"]
    items: Positive | None
    runs: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_p: Share
    max_new_tokens: Positive
    held_out: dict[str, str]
    checkpoint_benchmark: str
    study: StudySuite
    confidence: Share
    resamples: Positive


class Parity(Section):
    """How far vLLM's greedy log-probabilities may be from the trained model's own, in nats.

    `tokens` of each answer are compared before RL and evaluation, where the engine is vllm.
    """

    max_gap: Rate
    tokens: Positive


class Generation(Section):
    """Which engine answers, and how a thought begins (`slow`: the template opens `<think>`).

    `parity` stops what would follow; it changes no result, and so is in no document.
    """

    engine: Literal["transformers", "vllm", "server"]
    mode: Literal["slow", "nothink", "nowait"]
    parity: Parity


class Recipe(Section):
    """A whole reproduction in one size."""

    name: str
    seed: int
    template: Template
    images: Images
    models: dict[str, Model]
    data: dict[str, DataSet]
    cleaning: Cleaning
    sft: dict[str, Sft]
    grpo: dict[str, Grpo]
    entropy: Entropy
    selection: Selection
    evaluation: Evaluation
    generation: Generation
    grading: Reward
    thinking: Thinking
    baselines: dict[str, Baseline]
    layout: Layout


class ModelRun(Section):
    """A model of the recipe that no ablation changes."""

    stage: Literal["model"]
    model: str
    why: str | None = None


class SftRun(Section):
    """A supervised run: `settings` names an entry of the recipe's `sft`, `set` changes keys of it."""

    stage: Literal["sft"]
    start: str = Field(alias="from")
    checkpoint: Literal["last", "selected"] = "last"
    data: str
    settings: str
    set: dict[str, Any] = {}
    seed: int | None = None
    why: str | None = None


class GrpoRun(Section):
    """A reinforcement run: `settings` names an entry of the recipe's `grpo`.

    `without`: groups whose output is set to zero before the first step, and which are not trained
    (`r1v3.model.groups.zero_modules`). `seed` of this run alone; the recipe's where it is left out.
    """

    stage: Literal["grpo"]
    start: str = Field(alias="from")
    checkpoint: Literal["last", "selected"] = "last"
    data: str
    settings: str
    set: dict[str, Any] = {}
    without: list[Literal["connector"]] = []
    seed: int | None = None
    why: str | None = None


Run = Annotated[ModelRun | SftRun | GrpoRun, Field(discriminator="stage")]
