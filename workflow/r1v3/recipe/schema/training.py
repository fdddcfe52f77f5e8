"""Defines the recipe's settings of training: supervised, and by reinforcement with verifiable rewards."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from r1v3.recipe.schema.section import GrowingSection, Positive, Rate, Section, Share

Group = Literal["vision_tower", "connector", "llm"]
Schedule = Literal["cosine", "constant"]


class Optimizer(Section):
    """The optimizer and its schedule; `warmup` is a share of all steps. With `muon`, parameters that are not
    hidden matrices are optimized by AdamW at the same rate."""

    algorithm: Literal["adamw", "muon"]
    """AdamW, or Muon for hidden matrices with AdamW for the rest."""
    learning_rate: Rate
    """The highest learning rate."""
    schedule: Schedule
    """The course of the rate after warm-up."""
    warmup: Share
    """Share of all steps in which the rate rises from zero."""
    betas: tuple[float, float]
    """Decay rates of the averages of the gradient and of the squared gradient."""
    weight_decay: Annotated[float, Field(ge=0)]
    """Decoupled weight decay; vectors are not decayed."""
    max_grad_norm: Rate
    """Gradients are scaled down to this norm."""


class EarlyStopping(Section):
    """Stops after `patience` validations in a row without a lower loss; the best checkpoint is kept."""

    validation: str
    """The data set whose loss is watched."""
    every: Positive
    """Steps between two validations."""
    patience: Positive
    """Validations in a row without a lower loss after which training ends."""


class Parallel(Section):
    """How processes share one model. The report does not say it, so all of it is assumed.

    `ranks`: each rank has the whole model, and gradients are summed. `deepspeed`: ZeRO stage `zero` shards
    optimizer states and gradients (2), and the weights too (3).
    `pass_tokens`: samples are packed into passes of at most this many tokens, and balanced over the ranks by
    length. With `null`, each rank takes its part of the batch, in order, in one pass.
    `gradient_checkpointing`: activations of layers are computed again in the backward pass and not stored. A
    number limits this to a share of the layers, for cases in which memory suffices for the others.
    `attention`: `flash` needs CUDA and 16-bit weights; `auto` takes it if possible, else `sdpa`.
    """

    engine: Literal["ranks", "deepspeed"]
    """ranks: every process has the whole model; deepspeed: ZeRO shards it."""
    zero: Literal[2, 3] | None
    """ZeRO stage: 2 shards optimizer states and gradients, 3 weights too."""
    pass_tokens: Positive | None
    """Most tokens of a forward pass; null: a rank's part of the batch in one pass."""
    gradient_checkpointing: bool | Share
    """Layers whose activations are computed again in the backward pass: all, none, or this share."""
    attention: Literal["auto", "flash", "sdpa"]
    """The attention kernel; flash needs CUDA and 16-bit weights, and auto takes it if possible."""

    @model_validator(mode="after")
    def _a_stage_with_deepspeed_alone(self):
        if (self.engine == "deepspeed") != (self.zero is not None):
            raise ValueError("zero is 2 or 3 with engine deepspeed, and null with engine ranks")
        return self


class Loading(Section):
    """How pictures are loaded. With `cached`, all tiles stay in memory. Otherwise `threads` threads read them
    up to `ahead` steps before they are needed."""

    cached: bool
    """Keep all tiles in memory."""
    threads: Positive
    """Threads that read pictures."""
    ahead: Positive
    """Number of steps that are read ahead."""


class Resume(Section):
    """How often the state of an unfinished run is saved, in seconds; the newest `keep` states are kept."""

    seconds: Annotated[float, Field(ge=0)]
    """Seconds between two saved states of an unfinished run."""
    keep: Annotated[int, Field(ge=2, strict=True)]
    """Number of newest states that are kept."""


class Watch(Section):
    """Stops a run when a loss is `spike` nats or more above the median of the last `window` steps. With
    `null` the run stops only when a loss is not a number."""

    spike: Rate | None
    """Nats above the median of recent losses at which a run stops; null: only when a loss is not a
    number."""
    window: Positive
    """Number of steps of that median."""


class Lora(Section):
    """Adapters of low rank on some layers; the layers' own weights do not change (arXiv 2106.09685).

    Saved weights, and the weights that an engine samples with, are merged. A group of `train` without targets
    learns all of its weights. Targets of a group that is not in `train` have no effect.
    """

    rank: Positive
    """Rank of the adapters."""
    alpha: Rate
    """The product of an adapter is scaled by alpha / rank."""
    targets: Annotated[dict[Group, Annotated[list[str], Field(min_length=1)]], Field(min_length=1)]
    """Linear layers with adapters, by module group: the last part of their names, such as q_proj."""

    @model_validator(mode="after")
    def _the_head_stays(self):
        for group, names in self.targets.items():
            if "lm_head" in names:
                raise ValueError(f"targets.{group} may not have lm_head, whose weights stay")
        return self


class Sft(GrowingSection):
    """Settings of supervised fine-tuning of any module groups (sections 3.2, 3.4, 5.6, 6.1)."""

    train: list[Group]
    """Module groups that learn."""
    optimizer: Optimizer
    """The optimizer."""
    epochs: Rate
    """Passes over the data set."""
    max_steps: Positive | None
    """Most steps; null: all steps of the epochs."""
    batch_size: Positive
    """Samples of a step, over all processes."""
    max_length: Positive
    """Most tokens of a sample; longer ones are skipped."""
    dtype: Literal["float32", "bfloat16"]
    """float format of the weights in forward and backward passes."""
    early_stopping: EarlyStopping | None
    """When to stop before the end; null: never."""
    max_set_aside: Share
    """Largest share of samples that may be skipped."""
    parallel: Parallel
    """How processes share the model."""
    loading: Loading
    """How pictures reach the model."""
    resume: Resume
    """How an unfinished run is saved."""
    watch: Watch
    """When a run stops by itself."""
    lora: Lora | None = None
    """Adapters of low rank in place of whole weights; null: whole weights."""

    @model_validator(mode="after")
    def _deepspeed_steps_adamw(self):
        _check_optimizer(self)
        _check_lora(self)
        return self

    @property
    def adapted(self) -> list[Group]:
        """The groups that learn by adapters alone."""
        return [group for group in self.lora.targets if group in self.train] if self.lora else []


def _check_optimizer(settings: "Sft | Grpo") -> None:
    if settings.parallel.engine == "deepspeed" and settings.optimizer.algorithm != "adamw":
        raise ValueError("parallel.engine deepspeed needs optimizer.algorithm adamw")


def _check_lora(settings: "Sft | Grpo") -> None:
    if settings.lora and not settings.adapted:
        named = ", ".join(settings.lora.targets)
        raise ValueError(f"lora.targets names {named}, and train names none of these")


class LengthStage(Section):
    """The most tokens of a response from a step on."""

    step: Annotated[int, Field(ge=0, strict=True)]
    """The first step of the stage."""
    tokens: Positive
    """Most tokens of a response from then on."""


class Advantage(GrowingSection):
    """How rewards become advantages. `estimator`: `group` is equation 6, and the others are from other papers
    (`r1v3.train.grpo.loss.advantage`)."""

    ddof: Literal[0, 1]
    """What is subtracted from the number of samples in the divisor of the variance (equation 6)."""
    epsilon: Annotated[float, Field(ge=0)]
    """Added to the standard deviation."""
    estimator: Literal["group", "group_mean", "leave_one_out", "global", "group_mean_global"] = (
        "group"
    )
    """What a reward is compared with: equation 6; its group's mean alone (Dr. GRPO); the mean of the other
    samples (RLOO); all rewards of the episode (REINFORCE++); its group's mean, divided by the standard
    deviation of all (REINFORCE++ with baseline)."""


class Verifier(Section):
    """The model of equation 2, behind an OpenAI-compatible endpoint."""

    model: str
    """The verifier's name at its endpoint."""
    max_unjudged: Share
    """Largest share of answers that may stay without a verdict."""


class Reward(Section):
    """The reward of equation 3 and its parts."""

    accuracy_weight: Share
    """Weight of accuracy (equation 3)."""
    format_weight: Share
    """Weight of format (equation 3)."""
    verifier: Verifier | None
    """The model that judges answers that rules find wrong; null: rules alone."""

    @model_validator(mode="after")
    def _weights_add_to_one(self):
        if abs(self.accuracy_weight + self.format_weight - 1) > 1e-9:
            raise ValueError("accuracy_weight + format_weight must be 1 (equation 3)")
        return self


class RewardTerm(Section):
    """A reward model's score of each response as a part of its reward.

    A score s counts as sigmoid((s - middle) / scale), in [0, 1]. Reward models are trained on pairs, with the
    sigmoid of the difference of two scores as a probability. The reward is (1 - weight) times equation 3 plus
    `weight` times this term.
    """

    model: str
    """The reward model's name at its endpoint."""
    weight: Annotated[float, Field(gt=0, le=1)]
    """Share of this term in the reward; the rest is equation 3."""
    middle: float
    """The score that counts as 0.5."""
    scale: Rate
    """Distance above the middle at which a score counts as 0.73."""
    max_unjudged: Share
    """Largest share of responses that may stay without a score; such a response counts as 0."""


class DynamicSampling(Section):
    """Asks further prompts until the accuracy varies within every group, for at most so many rounds an
    episode (section 5.5; DAPO, arXiv 2503.14476, section 3.2)."""

    max_rounds: Positive
    """Most rounds of prompts in an episode."""


class ClipCov(Section):
    """A `share` of all tokens gets no gradient. They are drawn from tokens whose covariance of
    log-probability and advantage is from `low` to `high` (Cui et al. 2025, arXiv 2505.22617, which section
    5.5 cites)."""

    kind: Literal["clip"]
    """Clip-Cov."""
    share: Share
    """Share of all tokens that get no gradient."""
    low: float
    """Lower bound of the covariance."""
    high: float
    """Upper bound of the covariance."""


class KlCov(Section):
    """The `share` of tokens with the largest covariance gets a penalty of this `weight` on the absolute
    log-ratio to the policy that sampled, and nothing is clipped (Cui et al. 2025). It has an effect from the
    second step of an episode on, because before it the log-ratio is 0."""

    kind: Literal["kl"]
    """KL-Cov."""
    share: Share
    """Share of tokens with the penalty."""
    weight: Rate
    """Weight of the absolute log-ratio."""


class Gspo(Section):
    """Clips the ratio of a whole response: the geometric mean of its tokens' ratios (GSPO, arXiv 2507.18071,
    equations 5 to 7). Its clip ranges are of the order of 1e-4 in the paper."""

    kind: Literal["gspo"]
    """GSPO."""


class Cispo(Section):
    """Limits the ratio to `cap`, and uses it only as a weight of the gradient of the log-probability. So no
    token loses its gradient (CISPO, arXiv 2506.13585, equations 4 and 5, without a lower bound as there)."""

    kind: Literal["cispo"]
    """CISPO."""
    cap: Rate
    """The largest weight of a token."""


class Sapo(Section):
    """Uses a sigmoid of the ratio in place of the clip (SAPO, arXiv 2511.20347, equations 5 and 6)."""

    kind: Literal["sapo"]
    """SAPO."""
    temperature_positive: Rate
    """How fast the gradient falls with the ratio's distance from 1, for advantages above 0."""
    temperature_negative: Rate
    """The same for other advantages; higher in the paper, because such tokens make training unstable."""


class WholeRatio(Section):
    """Clips the ratio of a whole response: the product of its tokens' ratios, because a response is one
    action (RLOO, arXiv 2402.14740)."""

    kind: Literal["whole_ratio"]
    """The product of the tokens' ratios."""


class Mismatch(Section):
    """Weights that correct for an engine whose probabilities differ from the trainer's (Yao et al. 2025,
    "Your efficient RL framework secretly brings you off-policy RL training").

    A weight is the trainer's probability divided by the engine's, both under the policy that sampled.
    `truncate`: a weight above `cap` becomes `cap` (TIS). `mask`: a weight beyond the limits becomes 0 (MIS).
    """

    level: Literal["token", "sequence"]
    """Whether each token has a weight, or each response one: the product over its tokens."""
    mode: Literal["truncate", "mask"]
    """What a weight above the cap becomes: the cap, or 0."""
    cap: Annotated[float, Field(ge=1)]
    """The largest weight."""
    floor: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The smallest weight; a weight below it becomes the floor (truncate) or 0 (mask)."""
    stop: Rate | None = None
    """KL divergence of engine and trainer above which the run stops, in nats a token; null: never."""


class VisualWeights(Section):
    """Weights of the update by how much a response depends on its picture (after VPPO, arXiv 2510.09285).

    A response's advantage is multiplied by a number from `low` to `high`. It depends linearly on the mean
    visual dependency of the response's tokens, from the least to the most dependent response of the episode.
    Only the `share` of all tokens with the largest dependency gets gradients.
    """

    share: Annotated[float, Field(gt=0, le=1)]
    """Share of tokens, the most visually dependent, that get gradients."""
    low: Rate
    """Factor of the advantage of the least dependent response."""
    high: Rate
    """Factor of the advantage of the most dependent response."""

    @model_validator(mode="after")
    def _low_is_low(self):
        if self.low > self.high:
            raise ValueError(f"low may not be above high, which is {self.high:g}")
        return self


class Perception(Section):
    """Measures how much more probable the picture makes each sampled token: its visual dependency, in nats.

    It needs a forward pass without gradients in which every picture is blank.
    """

    every: Positive
    """Steps between two measurements; with weigh, every step is measured."""
    dependent: Rate
    """Nats from which on a token counts as visually dependent; 0.69 means twice as probable."""
    weigh: VisualWeights | None = None
    """Weights of the update by visual dependency; null: it is only measured."""


class Staged(Section):
    """Trains on bands of equal size one after another, from easy to hard, for an equal time each."""

    kind: Literal["staged"]
    """One band after another."""
    bands: Annotated[int, Field(ge=2, strict=True)]
    """Bands of equal size, by pass rate."""
    replay: Share
    """Share of prompts that come from the bands before."""

    @property
    def count(self) -> int:
        """How many bands there are."""
        return self.bands


class Mixed(Section):
    """Mixes bands of equal size in every episode by `weights`, which begin with the easiest band."""

    kind: Literal["mixed"]
    """All bands in every episode."""
    weights: Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=2)]
    """How often each band is drawn from, the easiest first."""

    @model_validator(mode="after")
    def _some_weight(self):
        if not sum(self.weights):
            raise ValueError("weights may not all be 0")
        return self

    @property
    def count(self) -> int:
        """How many bands there are."""
        return len(self.weights)


class Window(Section):
    """Moves to a harder band after an accurate episode, and back after an inaccurate one."""

    kind: Literal["window"]
    """The band depends on the policy's accuracy."""
    bands: Annotated[int, Field(ge=2, strict=True)]
    """Bands of equal size, by pass rate."""
    replay: Share
    """Share of prompts that come from the bands before."""
    harder_from: Share
    """Mean accuracy of an episode from which on the next band follows."""
    easier_below: Share
    """Mean accuracy of an episode below which the previous band comes back."""

    @model_validator(mode="after")
    def _a_gap_between(self):
        if self.easier_below >= self.harder_from:
            raise ValueError("easier_below must be less than harder_from")
        return self

    @property
    def count(self) -> int:
        """How many bands there are."""
        return self.bands


Curriculum = Staged | Mixed | Window


class Rollouts(GrowingSection):
    """When the rollouts of a step are sampled.

    `on_policy`: before the step, by the policy that then learns from them, as in the report. `overlapped`:
    while the policy learns from the rollouts of the previous step, by the weights before that step (one
    update old).
    """

    mode: Literal["on_policy", "overlapped"] = "on_policy"
    """Whether the engine waits for each update, or samples the next step at the same time."""
    staleness: Literal[0, 1] = 0
    """How many updates old the sampling weights may be: 1 with overlapped, else 0."""

    @model_validator(mode="after")
    def _as_old_as_the_mode_makes_them(self):
        wanted = 1 if self.mode == "overlapped" else 0
        if self.staleness != wanted:
            raise ValueError(f"staleness must be {wanted} with mode {self.mode}")
        return self


class Grpo(GrowingSection):
    """Settings of GRPO: reinforcement learning with group-normalised rewards (section 3.3).

    `minibatches`: an episode's prompts are split into so many parts, with one gradient step each.
    `updates_per_episode`: number of passes over all parts.
    `aggregation`: equation 7 is `sequence_mean`; `constant` is Dr. GRPO's (arXiv 2503.20783).
    `clip_high` above `clip_low` is Clip-Higher (section 5.5).
    `kl_estimator`: equation 7 is `k1`; see `r1v3.train.grpo.loss.policy_loss.divergence`.
    `old_logprobs`: the denominator of the ratio is the policy that sampled, as the trainer or the engine
    computes it, or the `reference`, as in equation 7.
    `overlong`: a truncated response counts (`keep`) or is left out (`mask`), or long responses get less
    reward over the last `overlong_buffer` tokens (`punish`; DAPO, equation 13).
    `top_entropy`: only this share of tokens, those of the highest entropy, gets gradients (arXiv 2506.01939,
    which section 6.5 cites).
    `instruction` follows each question (section 6.6).
    `surrogate` replaces equation 7's clip per token (`r1v3.train.grpo.loss.surrogates`).
    `mismatch` weights tokens by the trainer's probability divided by the engine's
    (`r1v3.train.grpo.loss.mismatch`). With `rollouts` overlapped, the engine's is that of older weights, and
    the clip's ratio is relative to the policy before the step (decoupled PPO).
    `parallel.pass_tokens`: ranks take consecutive responses with about equal numbers of tokens, in passes of
    at most this many tokens. With `null`, each rank takes its part of the prompts, with 64 responses a pass.
    `keep_rollouts` is the share of a step's prompts whose responses are kept (`r1v3 browse` shows them).
    """

    train: list[Group]
    """Module groups that learn (section 5.2)."""
    optimizer: Optimizer
    """The optimizer."""
    steps: Positive
    """Episodes of the run."""
    prompts_per_step: Positive
    """Prompts of an episode."""
    samples: Annotated[int, Field(ge=2, strict=True)]
    """Responses to each prompt (M in equation 6)."""
    updates_per_episode: Positive
    """Passes over an episode."""
    minibatches: Positive
    """Parts of an episode's prompts, with one gradient step each."""
    aggregation: Literal["sequence_mean", "token_mean", "constant"]
    """How token losses become one loss: equation 7, the mean over tokens, or Dr. GRPO's constant (arXiv
    2503.20783)."""
    advantage: Advantage
    """How rewards are normalised within a group (equation 6)."""
    clip_low: Rate
    """Distance below 1 at which the ratio is clipped."""
    clip_high: Rate
    """Distance above 1 at which the ratio is clipped; more than clip_low is Clip-Higher (section 5.5)."""
    kl: Annotated[float, Field(ge=0)]
    """Weight of the KL divergence from the reference model; the report has none."""
    kl_estimator: Literal["k1", "k2", "k3"]
    """Estimator of that divergence; k1 is equation 7's."""
    old_logprobs: Literal["trainer", "engine", "reference"]
    """Whose log-probabilities are in the denominator of the ratio."""
    top_entropy: Annotated[float, Field(gt=0, le=1)] | None
    """Share of tokens, those of the highest entropy, that get gradients (arXiv 2506.01939); null: all."""
    covariance: Annotated[ClipCov | KlCov, Field(discriminator="kind")] | None
    """Clip-Cov or KL-Cov (arXiv 2505.22617); null: neither."""
    dynamic_sampling: DynamicSampling | None
    """Further rounds of prompts until accuracy varies in every group (section 5.5); null: one round."""
    temperature: Rate
    """Sampling temperature of responses."""
    top_p: Annotated[Share, Field(gt=0)]
    """Nucleus of the sampling distribution; 1 is all of it."""
    lengths: list[LengthStage]
    """Most tokens of a response, by step (section 3.3)."""
    overlong: Literal["keep", "mask", "punish"]
    """How a truncated response is treated."""
    overlong_buffer: Positive | None
    """Last tokens over which a long response gets less reward (DAPO, equation 13)."""
    instruction: str | None
    """Text that follows each question (section 6.6); null: none."""
    dtype: Literal["float32", "bfloat16"]
    """float format of the weights in forward and backward passes."""
    checkpoint_every: Positive
    """Steps between two checkpoints."""
    keep_rollouts: Share
    """Share of a step's prompts whose responses are kept on disk."""
    reward: Reward
    """The reward of a response."""
    parallel: Parallel
    """How processes share the model."""
    resume: Resume
    """How an unfinished run is saved."""
    surrogate: Annotated[Gspo | Cispo | Sapo | WholeRatio, Field(discriminator="kind")] | None = (
        None
    )
    """What replaces equation 7's clip of each token's ratio; null: nothing."""
    mismatch: Mismatch | None = None
    """Weights that correct for the engine's probabilities; null: none."""
    perception: Perception | None = None
    """Measurement, and use, of how much each token depends on the picture; null: neither."""
    curriculum: Annotated[Curriculum, Field(discriminator="kind")] | None = None
    """Order of the prompts by the pass rate of the model in `by` of their data set; null: shuffled.
    """
    lora: Lora | None = None
    """Adapters of low rank in place of whole weights; null: whole weights."""
    reward_model: RewardTerm | None = None
    """A reward model's score as a part of the reward; null: equation 3 alone."""
    rollouts: Rollouts = Rollouts()
    """When the rollouts of a step are sampled; by default as in the report."""

    @model_validator(mode="after")
    def _parts_fit(self):
        _check_optimizer(self)
        _check_lora(self)
        if self.mismatch and self.old_logprobs != "trainer":
            raise ValueError(
                "mismatch needs old_logprobs trainer; with engine, the ratio holds the mismatch already"
            )
        if self.overlapped and not self.mismatch and self.old_logprobs != "engine":
            raise ValueError(
                "rollouts overlapped are those of older weights; set mismatch (as {level: token, mode:"
                " truncate, cap: 2.0}), or old_logprobs engine"
            )
        if self.surrogate and self.covariance and self.covariance.kind == "kl":
            raise ValueError(
                "covariance of kind kl replaces the clip, and so does surrogate: one may be set"
            )
        if self.minibatches > self.prompts_per_step:
            raise ValueError("minibatches may not be more than prompts_per_step")
        if (self.overlong == "punish") != (self.overlong_buffer is not None):
            raise ValueError("overlong_buffer is tokens with overlong punish, and null without")
        shortest = min((stage.tokens for stage in self.lengths), default=0)
        if self.overlong_buffer is not None and self.overlong_buffer > shortest:
            raise ValueError(f"overlong_buffer may be {shortest} at most, the shortest of lengths")
        return self

    @property
    def overlapped(self) -> bool:
        """Whether rollouts are sampled while the policy learns."""
        return self.rollouts.mode == "overlapped"

    @property
    def adapted(self) -> list[Group]:
        """The groups that learn by adapters alone."""
        return [group for group in self.lora.targets if group in self.train] if self.lora else []


def checkpoint_steps(settings: Grpo) -> list[int]:
    """Return the steps at which a GRPO run keeps a checkpoint, with the last step."""
    every = range(settings.checkpoint_every, settings.steps + 1, settings.checkpoint_every)
    return sorted({*every, settings.steps})
