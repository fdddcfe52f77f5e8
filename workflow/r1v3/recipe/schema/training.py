"""The recipe's training settings: supervised, and reinforced with verifiable rewards."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from r1v3.recipe.schema.section import Positive, Rate, Section, Share

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
        _check_optimizer(self)
        return self


def _check_optimizer(settings: "Sft | Grpo") -> None:
    if settings.parallel.engine == "deepspeed" and settings.optimizer.algorithm != "adamw":
        raise ValueError("parallel.engine deepspeed needs optimizer.algorithm adamw")


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


class DynamicSampling(Section):
    """Ask further prompts until every group's accuracy varies, at most so many rounds an episode
    (section 5.5; DAPO, arXiv 2503.14476, section 3.2)."""

    max_rounds: Positive


class ClipCov(Section):
    """A `share` of all tokens, drawn where the covariance of log-probability and advantage lies between
    `low` and `high`, gets no gradient (Cui et al. 2025, arXiv 2505.22617, which section 5.5 cites)."""

    kind: Literal["clip"]
    share: Share
    low: float
    high: float


class KlCov(Section):
    """The `share` of tokens of largest covariance is held to the policy that sampled with this `weight`
    on the absolute log-ratio, and nothing is clipped (Cui et al. 2025). Acts from the second step of
    an episode on: before it the log-ratio is 0."""

    kind: Literal["kl"]
    share: Share
    weight: Rate


class Grpo(Section):
    """Group-normalised reinforcement learning (section 3.3).

    `minibatches`: an episode's prompts are split into so many parts, a gradient step each, and
    `updates_per_episode` goes over all of them again.
    `aggregation`: equation 7 is `sequence_mean`; `constant` is Dr. GRPO's (arXiv 2503.20783).
    `clip_high` above `clip_low` is Clip-Higher (section 5.5).
    `kl_estimator`: equation 7 is `k1`; see `r1v3.train.grpo.policy_loss.divergence`.
    `old_logprobs`: below the ratio's line stands the policy that sampled, as the trainer or as the
    engine computes it, or the `reference`, as equation 7 has it.
    `overlong`: a response that was cut off counts, is left out (`mask`), or long ones are paid less over the
    last `overlong_buffer` tokens (`punish`; DAPO, equation 13).
    `top_entropy`: only this share of tokens, the most uncertain, gets gradients (arXiv 2506.01939, which
    section 6.5 cites).
    `instruction` follows each question (section 6.6).
    `parallel.pass_tokens`: each rank takes a run of responses of about as many tokens as the others', in
    passes of at most this many; `null`: its part of the prompts, 64 a pass.
    `keep_rollouts` is the share of a step's prompts whose responses are kept (`grpo.rollout_page`).
    """

    train: list[Group]
    optimizer: Optimizer
    steps: Positive
    prompts_per_step: Positive
    samples: Annotated[int, Field(ge=2)]
    updates_per_episode: Positive
    minibatches: Positive
    aggregation: Literal["sequence_mean", "token_mean", "constant"]
    advantage: Advantage
    clip_low: Rate
    clip_high: Rate
    kl: Annotated[float, Field(ge=0)]
    kl_estimator: Literal["k1", "k2", "k3"]
    old_logprobs: Literal["trainer", "engine", "reference"]
    top_entropy: Annotated[float, Field(gt=0, le=1)] | None
    covariance: Annotated[ClipCov | KlCov, Field(discriminator="kind")] | None
    dynamic_sampling: DynamicSampling | None
    temperature: Rate
    top_p: Share
    lengths: list[LengthStage]
    overlong: Literal["keep", "mask", "punish"]
    overlong_buffer: Positive | None
    instruction: str | None
    dtype: Literal["float32", "bfloat16"]
    checkpoint_every: Positive
    keep_rollouts: Share
    reward: Reward
    parallel: Parallel
    resume: Resume

    @model_validator(mode="after")
    def _parts_fit(self):
        _check_optimizer(self)
        if self.minibatches > self.prompts_per_step:
            raise ValueError("minibatches may not be more than prompts_per_step")
        if (self.overlong == "punish") != (self.overlong_buffer is not None):
            raise ValueError("overlong_buffer is tokens with overlong punish, and null without")
        shortest = min((stage.tokens for stage in self.lengths), default=0)
        if self.overlong_buffer is not None and self.overlong_buffer > shortest:
            raise ValueError(f"overlong_buffer may be {shortest} at most, the shortest of lengths")
        return self


def checkpoint_steps(settings: Grpo) -> list[int]:
    """The steps at which a GRPO run keeps a checkpoint: every so many, and the last."""
    every = range(settings.checkpoint_every, settings.steps + 1, settings.checkpoint_every)
    return sorted({*every, settings.steps})
