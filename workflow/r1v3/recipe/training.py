"""The recipe's training settings: supervised, and reinforced with verifiable rewards."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from r1v3.recipe.section import Positive, Rate, Section, Share

Group = Literal["vision_tower", "connector", "llm"]
Schedule = Literal["cosine", "constant"]


class Optimizer(Section):
    """The optimizer and its schedule; `warmup` is a share of all steps. Under `muon`, what is not a
    hidden matrix gets AdamW at the same rate."""

    algorithm: Literal["adamw", "muon"]
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


class Parallel(Section):
    """How processes share one model; the report names none, so all of it is assumed.

    `ranks`: each holds the whole model, gradients are summed. `deepspeed`: ZeRO stage `zero` parts optimizer
    states and gradients (2), and the weights too (3).
    `pass_tokens`: samples are packed into passes of at most this many tokens, and balanced over the
    ranks by length; `null`: each rank takes its part of the batch, in order, in one pass.
    `gradient_checkpointing`: layers are computed again in the backward pass instead of kept.
    `attention`: `flash` needs CUDA and 16-bit weights; `auto` takes it where it can, else `sdpa`.
    """

    engine: Literal["ranks", "deepspeed"]
    zero: Literal[2, 3] | None
    pass_tokens: Positive | None
    gradient_checkpointing: bool
    attention: Literal["auto", "flash", "sdpa"]

    @model_validator(mode="after")
    def _a_stage_with_deepspeed_alone(self):
        if (self.engine == "deepspeed") != (self.zero is not None):
            raise ValueError("zero is 2 or 3 with engine deepspeed, and null with engine ranks")
        return self


class Loading(Section):
    """How pictures reach the model: `cached` keeps all tiles in memory, else they are read when needed,
    by `threads` threads and up to `ahead` steps ahead."""

    cached: bool
    threads: Positive
    ahead: Positive


class Resume(Section):
    """The state of an unfinished run is written every so many seconds; the newest `keep` stay."""

    seconds: Annotated[float, Field(ge=0)]
    keep: Annotated[int, Field(ge=2)]


class Watch(Section):
    """Stop when a loss lies `spike` nats or more above the median of the last `window` steps; `null`:
    only when it is not a number."""

    spike: Rate | None
    window: Positive


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
    parallel: Parallel
    loading: Loading
    resume: Resume
    watch: Watch

    @model_validator(mode="after")
    def _deepspeed_steps_adamw(self):
        if self.parallel.engine == "deepspeed" and self.optimizer.algorithm != "adamw":
            raise ValueError("parallel.engine deepspeed needs optimizer.algorithm adamw")
        return self


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
    """Group-normalised reinforcement learning (section 3.3).

    `keep_rollouts` is the share of a step's prompts whose responses are kept (`r1v3.train.browse`).
    """

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
    keep_rollouts: Share
    reward: Reward
