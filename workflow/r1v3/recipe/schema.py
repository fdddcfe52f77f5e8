"""The shape of a recipe: every number that can change a result, and nothing else.

Unknown keys are errors at every level and no key has a default, so that `paper.yaml` is complete and
a typing mistake is caught before the graph is built. GPUs, micro-batches and launchers are not here:
they belong to the profile.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Group = Literal["vision_tower", "connector", "llm"]
Schedule = Literal["cosine", "constant"]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
AnswerForm = Literal["mcq", "mcq_multi", "fill", "open"]


class Section(BaseModel):
    """A level of the recipe; its keys are closed."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


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


# --- models that no run of ours trains ------------------------------------------------------------


class Architecture(Section):
    """Sizes of an InternVL built from scratch; lengths in pixels, widths in features."""

    image_size: Positive
    patch_size: Positive
    vision_width: Positive
    vision_layers: Positive
    vision_heads: Positive
    width: Positive
    layers: Positive
    heads: Positive
    kv_heads: Positive
    mlp_width: Positive
    vocabulary: Positive
    context: Positive
    initial_spread: Rate


class HubModel(Section):
    """A model of the Hugging Face hub, at a revision; `id` may be a local folder."""

    source: Literal["hub"]
    id: str
    revision: str


class ScratchModel(Section):
    """A model built here, then trained by the SFT settings of that name on the data set of that name."""

    source: Literal["scratch"]
    architecture: Architecture
    tokenizer_data: list[str]
    data: str
    settings: str


class TunedModel(Section):
    """A model tuned here from another of the recipe's models."""

    source: Literal["tuned"]
    start: str
    data: str
    settings: str


Model = Annotated[HubModel | ScratchModel | TunedModel, Field(discriminator="source")]


# --- data sets ------------------------------------------------------------------------------------


class WorldSource(Section):
    """Questions drawn from the tiny world (`r1v3.data.world`)."""

    kind: Literal["world"]
    tasks: dict[str, Rate]
    forms: dict[AnswerForm, Rate]
    domains: list[str]
    instances: Literal["train", "validation", "test"]
    respond: Literal["none", "direct", "describe", "chain", "slips"]
    slip_rate: Share
    seed: int


class FileSource(Section):
    """Records of a Hugging Face data set, or of a JSONL, TSV or Parquet file at a path or URL."""

    kind: Literal["hub", "file"]
    id: str
    revision: str | None
    split: str
    mapping: str
    instances: Literal["train", "validation", "test"]


class SourceSet(Section):
    """A data set taken from sources."""

    kind: Literal["source"]
    source: Annotated[WorldSource | FileSource, Field(discriminator="kind")]
    size: Positive
    stands_in_for: str | None


class Filters(Section):
    """The filters of section 3.2; `null` switches one off. Lengths in tokens of the response."""

    max_tokens: Positive | None
    max_repetition: Share | None
    max_reconsiderations: Positive | None


class SampledSet(Section):
    """A data set whose answers a model writes, kept where the grader says they are right (section 2)."""

    kind: Literal["sampled"]
    questions: str
    by: str
    samples: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_p: Share
    max_new_tokens: Positive
    keep: Literal["first", "shortest"]
    keep_per_question: Positive
    filters: Filters
    seed: int


DataSet = Annotated[SourceSet | SampledSet, Field(discriminator="kind")]


# --- training -------------------------------------------------------------------------------------


class Optimizer(Section):
    """AdamW and its schedule; `warmup` is a share of all steps."""

    learning_rate: Rate
    schedule: Schedule
    warmup: Share
    betas: tuple[float, float]
    weight_decay: Annotated[float, Field(ge=0)]
    max_grad_norm: Rate


class EarlyStopping(Section):
    """Stop after `patience` validations in a row without a lower loss; the best checkpoint is kept."""

    validation: str
    every: Positive
    patience: Positive


class Sft(Section):
    """Supervised fine-tuning of any group of modules (sections 3.2, 3.4, 5.6, 6.1)."""

    train: list[Group]
    optimizer: Optimizer
    epochs: Rate
    max_steps: Positive | None
    batch_size: Positive
    max_length: Positive
    dtype: Literal["float32", "bfloat16"]
    early_stopping: EarlyStopping | None
    max_set_aside: Share


class LengthStage(Section):
    """From this step on, a response may have this many tokens."""

    step: Annotated[int, Field(ge=0)]
    tokens: Positive


class Advantage(Section):
    """How equation 6's spread is defined."""

    ddof: Literal[0, 1]
    epsilon: Annotated[float, Field(ge=0)]


class Verifier(Section):
    """The model of equation 2, behind an OpenAI-compatible endpoint."""

    model: str
    max_unjudged: Share


class Reward(Section):
    """Equation 3 and what feeds it."""

    accuracy_weight: Share
    format_weight: Share
    verifier: Verifier | None

    @model_validator(mode="after")
    def _weights_add_to_one(self):
        if abs(self.accuracy_weight + self.format_weight - 1) > 1e-9:
            raise ValueError("accuracy_weight + format_weight must be 1 (equation 3)")
        return self


class Grpo(Section):
    """Group-normalised reinforcement learning (section 3.3)."""

    train: list[Group]
    optimizer: Optimizer
    steps: Positive
    prompts_per_step: Positive
    samples: Annotated[int, Field(ge=2)]
    updates_per_episode: Positive
    aggregation: Literal["sequence_mean", "token_mean", "constant"]
    advantage: Advantage
    clip_low: Rate
    clip_high: Rate
    kl: Annotated[float, Field(ge=0)]
    old_logprobs: Literal["trainer", "engine"]
    temperature: Rate
    top_p: Share
    lengths: list[LengthStage]
    overlong: Literal["keep", "mask"]
    dtype: Literal["float32", "bfloat16"]
    checkpoint_every: Positive
    reward: Reward


class Entropy(Section):
    """What counts as a critical token (section 5.1) and as a high entropy (section 6.5), in nats."""

    critical_words: list[str]
    control_words: list[str]
    minimum_count: Positive
    threshold: Rate
    resamples: Positive


class Selection(Section):
    """How the checkpoint of an RL run is chosen (section 5.1); no benchmark takes part."""

    policy: Literal["critical_entropy", "reward", "last"]
    probe: str
    samples: Positive
    temperature: Rate
    max_new_tokens: Positive


# --- evaluation -----------------------------------------------------------------------------------


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
    confidence: Share
    resamples: Positive


class Generation(Section):
    """Which engine answers, and how a thought begins (`slow`: the template opens `<think>`)."""

    engine: Literal["transformers", "vllm", "server"]
    mode: Literal["slow", "nothink", "nowait"]


class Recipe(Section):
    """A whole reproduction in one size."""

    name: str
    seed: int
    template: Template
    images: Images
    models: dict[str, Model]
    data: dict[str, DataSet]
    sft: dict[str, Sft]
    grpo: dict[str, Grpo]
    entropy: Entropy
    selection: Selection
    evaluation: Evaluation
    generation: Generation
    grading: Reward


# --- the run table --------------------------------------------------------------------------------


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
    set: dict = {}
    why: str | None = None


class GrpoRun(Section):
    """A reinforcement run: `settings` names an entry of the recipe's `grpo`."""

    stage: Literal["grpo"]
    start: str = Field(alias="from")
    checkpoint: Literal["last", "selected"] = "last"
    data: str
    settings: str
    set: dict = {}
    why: str | None = None


Run = Annotated[ModelRun | SftRun | GrpoRun, Field(discriminator="stage")]
