"""The recipe's training settings: supervised, and reinforced with verifiable rewards."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from r1v3.recipe.schema.section import GrowingSection, Positive, Rate, Section, Share

Group = Literal["vision_tower", "connector", "llm"]
Schedule = Literal["cosine", "constant"]


class Optimizer(Section):
    """The optimizer and its schedule; `warmup` is a share of all steps. Under `muon`, what is not a
    hidden matrix gets AdamW at the same rate."""

    algorithm: Literal["adamw", "muon"]
    """AdamW, or Muon for hidden matrices with AdamW for the rest."""
    learning_rate: Rate
    """The highest learning rate."""
    schedule: Schedule
    """How the rate goes on after warm-up."""
    warmup: Share
    """Share of all steps in which the rate rises from zero."""
    betas: tuple[float, float]
    """Decay of the averages of gradient and squared gradient."""
    weight_decay: Annotated[float, Field(ge=0)]
    """Decoupled weight decay; vectors have none."""
    max_grad_norm: Rate
    """Gradients are scaled down to this norm."""


class EarlyStopping(Section):
    """Stop after `patience` validations in a row without a lower loss; the best checkpoint is kept."""

    validation: str
    """The data set whose loss is watched."""
    every: Positive
    """Steps between two validations."""
    patience: Positive
    """Validations in a row without a lower loss after which training ends."""


class Parallel(Section):
    """How processes share one model; the report names none, so all of it is assumed.

    `ranks`: each holds the whole model, gradients are summed. `deepspeed`: ZeRO stage `zero` parts optimizer
    states and gradients (2), and the weights too (3).
    `pass_tokens`: samples are packed into passes of at most this many tokens, and balanced over the
    ranks by length; `null`: each rank takes its part of the batch, in order, in one pass.
    `gradient_checkpointing`: layers are computed again in the backward pass instead of kept; a share of them,
    if the others fit into memory.
    `attention`: `flash` needs CUDA and 16-bit weights; `auto` takes it where it can, else `sdpa`.
    """

    engine: Literal["ranks", "deepspeed"]
    """ranks: every process holds the whole model; deepspeed: ZeRO shards it."""
    zero: Literal[2, 3] | None
    """ZeRO stage: 2 shards optimizer states and gradients, 3 weights too."""
    pass_tokens: Positive | None
    """Most tokens of a forward pass; null: a rank's part of the batch in one pass."""
    gradient_checkpointing: bool | Share
    """Compute layers again in the backward pass instead of keeping them: all, none, or this share."""
    attention: Literal["auto", "flash", "sdpa"]
    """The attention kernel; flash needs CUDA and 16-bit weights, auto takes it where it can."""

    @model_validator(mode="after")
    def _a_stage_with_deepspeed_alone(self):
        if (self.engine == "deepspeed") != (self.zero is not None):
            raise ValueError("zero is 2 or 3 with engine deepspeed, and null with engine ranks")
        return self


class Loading(Section):
    """How pictures reach the model: `cached` keeps all tiles in memory, else they are read when needed,
    by `threads` threads and up to `ahead` steps ahead."""

    cached: bool
    """Keep all tiles in memory."""
    threads: Positive
    """Threads that read pictures."""
    ahead: Positive
    """Steps that are read ahead."""


class Resume(Section):
    """The state of an unfinished run is written every so many seconds; the newest `keep` stay."""

    seconds: Annotated[float, Field(ge=0)]
    """Seconds between two states of an unfinished run."""
    keep: Annotated[int, Field(ge=2, strict=True)]
    """Newest states that stay on disk."""


class Watch(Section):
    """Stop when a loss lies `spike` nats or more above the median of the last `window` steps; `null`:
    only when it is not a number."""

    spike: Rate | None
    """Nats above the median of recent losses at which a run stops; null: only when a loss is not a
    number."""
    window: Positive
    """Steps of that median."""


class Lora(Section):
    """Adapters of low rank on some layers; the layers' own weights stay as they are (arXiv 2106.09685).

    What is saved, and what an engine samples with, is merged. A group of `train` without targets learns
    whole, and targets of a group that `train` leaves out say nothing.
    """

    rank: Positive
    """Rank of the adapters."""
    alpha: Rate
    """An adapter's product is scaled by alpha / rank."""
    targets: Annotated[dict[Group, Annotated[list[str], Field(min_length=1)]], Field(min_length=1)]
    """Linear layers with adapters, by module group: the last part of their names, as q_proj."""

    @model_validator(mode="after")
    def _the_head_stays(self):
        for group, names in self.targets.items():
            if "lm_head" in names:
                raise ValueError(f"targets.{group} may not have lm_head, whose weights stay")
        return self


class Sft(GrowingSection):
    """Supervised fine-tuning of any group of modules (sections 3.2, 3.4, 5.6, 6.1)."""

    train: list[Group]
    """Module groups that learn."""
    optimizer: Optimizer
    """The optimizer."""
    epochs: Rate
    """Passes over the data set."""
    max_steps: Positive | None
    """Most steps; null: as many as the epochs have."""
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
    """From this step on, a response may have this many tokens."""

    step: Annotated[int, Field(ge=0, strict=True)]
    """The first step of the stage."""
    tokens: Positive
    """Most tokens of a response from then on."""


class Advantage(GrowingSection):
    """How rewards become advantages. `estimator`: `group` is equation 6, the others are of other papers
    (`r1v3.train.grpo.loss.advantage`)."""

    ddof: Literal[0, 1]
    """What the spread's divisor subtracts from the number of samples (equation 6)."""
    epsilon: Annotated[float, Field(ge=0)]
    """Added to the spread."""
    estimator: Literal["group", "group_mean", "leave_one_out", "global", "group_mean_global"] = (
        "group"
    )
    """What a reward is compared with: equation 6; its group's mean alone (Dr. GRPO); the mean of the other
    samples (RLOO); all rewards of the episode (REINFORCE++); its group's mean, over the spread of all
    (REINFORCE++ with baseline)."""


class Verifier(Section):
    """The model of equation 2, behind an OpenAI-compatible endpoint."""

    model: str
    """The verifier's name at its endpoint."""
    max_unjudged: Share
    """Largest share of answers that may stay without a verdict."""


class Reward(Section):
    """Equation 3 and what feeds it."""

    accuracy_weight: Share
    """Weight of accuracy (equation 3)."""
    format_weight: Share
    """Weight of format (equation 3)."""
    verifier: Verifier | None
    """The model that judges what rules find wrong; null: rules alone."""

    @model_validator(mode="after")
    def _weights_add_to_one(self):
        if abs(self.accuracy_weight + self.format_weight - 1) > 1e-9:
            raise ValueError("accuracy_weight + format_weight must be 1 (equation 3)")
        return self


class RewardTerm(Section):
    """A reward model's score of each response as a part of its reward.

    A score s counts as sigmoid((s - middle) / scale), in [0, 1]: reward models learn from pairs, as if the
    sigmoid of a difference of scores were a probability. The reward is (1 - weight) of equation 3 and
    `weight` of this.
    """

    model: str
    """The reward model's name at its endpoint."""
    weight: Annotated[float, Field(gt=0, le=1)]
    """Share of this term in the reward; the rest is equation 3."""
    middle: float
    """The score that counts as 0.5."""
    scale: Rate
    """How far from the middle a score counts as 0.73."""
    max_unjudged: Share
    """Largest share of responses that may stay without a score; such a one counts as 0."""


class DynamicSampling(Section):
    """Ask further prompts until every group's accuracy varies, at most so many rounds an episode
    (section 5.5; DAPO, arXiv 2503.14476, section 3.2)."""

    max_rounds: Positive
    """Most rounds of prompts in an episode."""


class ClipCov(Section):
    """A `share` of all tokens, drawn where the covariance of log-probability and advantage lies between
    `low` and `high`, gets no gradient (Cui et al. 2025, arXiv 2505.22617, which section 5.5 cites)."""

    kind: Literal["clip"]
    """Clip-Cov."""
    share: Share
    """Share of all tokens that get no gradient."""
    low: float
    """Lower bound of the covariance."""
    high: float
    """Upper bound of the covariance."""


class KlCov(Section):
    """The `share` of tokens of largest covariance is held to the policy that sampled with this `weight`
    on the absolute log-ratio, and nothing is clipped (Cui et al. 2025). Acts from the second step of
    an episode on: before it the log-ratio is 0."""

    kind: Literal["kl"]
    """KL-Cov."""
    share: Share
    """Share of tokens that are held to the policy that sampled."""
    weight: Rate
    """Weight of the absolute log-ratio."""


class Gspo(Section):
    """The ratio of a whole response, as the geometric mean of its tokens' ratios, is clipped (GSPO, arXiv
    2507.18071, equations 5 to 7). Its clips are some 1e-4 in the paper."""

    kind: Literal["gspo"]
    """GSPO."""


class Cispo(Section):
    """The ratio is cut off at `cap` and only weighs the gradient of the log-probability, so that no token
    loses its gradient (CISPO, arXiv 2506.13585, equations 4 and 5, without a lower bound as there)."""

    kind: Literal["cispo"]
    """CISPO."""
    cap: Rate
    """The largest weight of a token."""


class Sapo(Section):
    """A sigmoid of the ratio in place of the clip (SAPO, arXiv 2511.20347, equations 5 and 6)."""

    kind: Literal["sapo"]
    """SAPO."""
    temperature_positive: Rate
    """How steeply the gradient falls with the ratio's distance from 1 where the advantage is above 0."""
    temperature_negative: Rate
    """The same elsewhere; higher in the paper, where such tokens make training unstable."""


class WholeRatio(Section):
    """The ratio of a whole response, as the product of its tokens' ratios, is clipped: a response is one
    action (RLOO, arXiv 2402.14740)."""

    kind: Literal["whole_ratio"]
    """The product of the tokens' ratios."""


class Mismatch(Section):
    """Weights that correct for an engine whose probabilities are not the trainer's (Yao et al. 2025, "Your
    efficient RL framework secretly brings you off-policy RL training").

    A weight is the trainer's probability over the engine's, both of the policy that sampled. `truncate`: a
    weight above `cap` counts as `cap` (TIS). `mask`: what lies beyond counts nothing (MIS).
    """

    level: Literal["token", "sequence"]
    """Whether each token has a weight, or each response one, the product over its tokens."""
    mode: Literal["truncate", "mask"]
    """What becomes of a weight above the cap: it is the cap, or 0."""
    cap: Annotated[float, Field(ge=1)]
    """The largest weight."""
    floor: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The smallest weight: below it, it is the floor (truncate) or 0 (mask)."""
    stop: Rate | None = None
    """Nats a token of KL divergence between engine and trainer above which the run stops; null: never."""


class VisualWeights(Section):
    """Updates weighed by how much a response needs its picture (after VPPO, arXiv 2510.09285).

    A response's advantage is multiplied by a number from `low` to `high`, by where the mean visual dependency
    of its tokens lies among the episode's responses. Of all tokens, the `share` of largest dependency gets
    gradients.
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
    """How much more probable the picture makes each sampled token: its visual dependency, in nats.

    It takes a forward pass without gradients in which every picture is blank.
    """

    every: Positive
    """Steps between two measurements; with weigh, every step is measured."""
    dependent: Rate
    """Nats from which a token counts as visually dependent; 0.69 is twice as probable."""
    weigh: VisualWeights | None = None
    """Weights of the update by visual dependency; null: it is only measured."""


class Staged(Section):
    """Bands of equal size one after another, from easy to hard, each for an equal part of the run."""

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
    """Every episode mixes bands of equal size by `weights`, which begin with the easiest band."""

    kind: Literal["mixed"]
    """All bands at all times."""
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
    """The band moves with the policy: to a harder one after an accurate episode, back after a poor one."""

    kind: Literal["window"]
    """The band moves with the policy's accuracy."""
    bands: Annotated[int, Field(ge=2, strict=True)]
    """Bands of equal size, by pass rate."""
    replay: Share
    """Share of prompts that come from the bands before."""
    harder_from: Share
    """Mean accuracy of an episode from which on the next band follows."""
    easier_below: Share
    """Mean accuracy of an episode below which the band before comes back."""

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
    while the policy learns from those of the step before, by the weights from before that (one step off).
    """

    mode: Literal["on_policy", "overlapped"] = "on_policy"
    """Whether the engine waits for each update, or samples the next step beside it."""
    staleness: Literal[0, 1] = 0
    """How many updates old the weights that sample may be: 1 with overlapped, else 0."""

    @model_validator(mode="after")
    def _as_old_as_the_mode_makes_them(self):
        wanted = 1 if self.mode == "overlapped" else 0
        if self.staleness != wanted:
            raise ValueError(f"staleness must be {wanted} with mode {self.mode}")
        return self


class Grpo(GrowingSection):
    """Group-normalised reinforcement learning (section 3.3).

    `minibatches`: an episode's prompts are split into so many parts, a gradient step each, and
    `updates_per_episode` goes over all of them again.
    `aggregation`: equation 7 is `sequence_mean`; `constant` is Dr. GRPO's (arXiv 2503.20783).
    `clip_high` above `clip_low` is Clip-Higher (section 5.5).
    `kl_estimator`: equation 7 is `k1`; see `r1v3.train.grpo.loss.policy_loss.divergence`.
    `old_logprobs`: below the ratio's line stands the policy that sampled, as the trainer or as the
    engine computes it, or the `reference`, as equation 7 has it.
    `overlong`: a response that was cut off counts, is left out (`mask`), or long ones are paid less over the
    last `overlong_buffer` tokens (`punish`; DAPO, equation 13).
    `top_entropy`: only this share of tokens, the most uncertain, gets gradients (arXiv 2506.01939, which
    section 6.5 cites).
    `instruction` follows each question (section 6.6).
    `surrogate` replaces equation 7's clip per token (`r1v3.train.grpo.loss.surrogates`). `mismatch` weighs
    tokens by the trainer's probability over the engine's (`r1v3.train.grpo.loss.mismatch`); with `rollouts`
    overlapped, the engine's is that of older weights, and the clip's ratio starts at the policy before the
    step (decoupled PPO).
    `parallel.pass_tokens`: each rank takes a run of responses of about as many tokens as the others', in
    passes of at most this many; `null`: its part of the prompts, 64 a pass.
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
    """Passes of gradient steps over an episode."""
    minibatches: Positive
    """Parts of an episode's prompts, a gradient step each."""
    aggregation: Literal["sequence_mean", "token_mean", "constant"]
    """How token losses become one: equation 7, the mean over tokens, or Dr. GRPO's constant (arXiv
    2503.20783)."""
    advantage: Advantage
    """How rewards are normalised within a group (equation 6)."""
    clip_low: Rate
    """How far below 1 the ratio counts."""
    clip_high: Rate
    """How far above 1 the ratio counts; above clip_low it is Clip-Higher (section 5.5)."""
    kl: Annotated[float, Field(ge=0)]
    """Weight of the divergence from the start; the report has none."""
    kl_estimator: Literal["k1", "k2", "k3"]
    """Estimator of that divergence; k1 is equation 7's."""
    old_logprobs: Literal["trainer", "engine", "reference"]
    """Whose log-probabilities stand below the ratio's line."""
    top_entropy: Annotated[float, Field(gt=0, le=1)] | None
    """Share of tokens, the most uncertain, that get gradients (arXiv 2506.01939); null: all."""
    covariance: Annotated[ClipCov | KlCov, Field(discriminator="kind")] | None
    """Clip-Cov or KL-Cov (arXiv 2505.22617); null: neither."""
    dynamic_sampling: DynamicSampling | None
    """Ask on until every group's accuracy varies (section 5.5); null: one round."""
    temperature: Rate
    """Sampling temperature of responses."""
    top_p: Annotated[Share, Field(gt=0)]
    """Nucleus of the sampling distribution; 1 is all of it."""
    lengths: list[LengthStage]
    """Most tokens of a response, by step (section 3.3)."""
    overlong: Literal["keep", "mask", "punish"]
    """What becomes of a response that was cut off."""
    overlong_buffer: Positive | None
    """Last tokens over which a long response is paid less (DAPO, equation 13)."""
    instruction: str | None
    """Text that follows each question (section 6.6); null: none."""
    dtype: Literal["float32", "bfloat16"]
    """float format of the weights in forward and backward passes."""
    checkpoint_every: Positive
    """Steps between two checkpoints."""
    keep_rollouts: Share
    """Share of a step's prompts whose responses stay on disk."""
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
    """Measure, and use, how much each token needs the picture; null: neither."""
    curriculum: Annotated[Curriculum, Field(discriminator="kind")] | None = None
    """Order of the prompts by the pass rate of the model that `by` of their data set names; null: a shuffle.
    """
    lora: Lora | None = None
    """Adapters of low rank in place of whole weights; null: whole weights."""
    reward_model: RewardTerm | None = None
    """A reward model's score as a part of the reward; null: equation 3 alone."""
    rollouts: Rollouts = Rollouts()
    """When the rollouts of a step are sampled; the report's way unless set."""

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
    """The steps at which a GRPO run keeps a checkpoint: every so many, and the last."""
    every = range(settings.checkpoint_every, settings.steps + 1, settings.checkpoint_every)
    return sorted({*every, settings.steps})
