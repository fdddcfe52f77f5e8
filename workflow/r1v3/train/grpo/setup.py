"""What a GRPO run consists of, and how it is opened or resumed."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from r1v3.model.encode import Encoder
from r1v3.model.groups import group_hashes, zero_modules
from r1v3.model.load import load_model, load_processor
from r1v3.model.packed import use_packed_attention
from r1v3.model.processor import ImageProcessor
from r1v3.model.stored_weights import StoredTensor
from r1v3.recipe.graph.configs import GrpoConfig
from r1v3.recipe.schema.training import Grpo
from r1v3.train.core.engine import TrainingEngine, open_engine, open_frozen, prepare_model
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.template import recipe_template
from r1v3.train.core.token_stats import PackedStats
from r1v3.train.core.weight_movement import WeightMovement
from r1v3.train.entropy.readings import Readings
from r1v3.train.grpo.loss.update import Reference
from r1v3.train.grpo.records.speed import EpisodeSpeed
from r1v3.train.grpo.resume.unfinished import UnfinishedGrpo
from r1v3.train.grpo.sampling.prompt_order import CurriculumOrder, PromptOrder
from r1v3.train.grpo.sampling.prompts import Prompt, load_prompts
from r1v3.train.grpo.sampling.sampler import Sampler, open_sampler


@dataclass
class GrpoProgress:
    """The part of a run's state that is neither weights nor optimizer; a resumed run needs it.

    Attributes:
        done: number of steps taken.
        before: hash of every module group before the first step.
        kept: step and path of each saved checkpoint.
        drawn: number of prompts drawn so far.
        order: further state of the prompt order, such as a curriculum's window.
    """

    done: int
    before: dict[str, str]
    kept: list[dict[str, Any]]
    drawn: int
    order: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class GrpoRun:
    """A GRPO run that is ready to train.

    Attributes:
        policy: the engine that learns. Calling it computes log-probabilities and entropies of a pack.
        reference: the frozen start of the run; None if neither the KL penalty nor the ratio needs it.
        sampler: generates the responses.
        order: decides which prompts come next.
    """

    config: GrpoConfig
    folder: Path
    processor: ImageProcessor
    policy: TrainingEngine
    reference: Reference | None
    sampler: Sampler
    order: PromptOrder[Prompt]
    progress: GrpoProgress
    movement: WeightMovement
    speed: EpisodeSpeed
    readings: Readings
    unfinished: UnfinishedGrpo

    def checkpoint(self, step: int) -> Path:
        """Return the folder of the checkpoint of a step, after making its parent folder."""
        path = self.folder / "checkpoints" / f"step-{step:06d}"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def open_grpo_run(config: GrpoConfig, *, start: Path, data: Path, folder: Path) -> GrpoRun:
    """Load the policy from `start` and the prompts from `data`, then restore the newest state, if any."""
    settings, seed, ranks = config.settings, config.seed, Ranks.join()
    model, processor = load_model(start, dtype=settings.dtype), load_processor(start)
    encoder = Encoder(processor, config.images)
    template, mode = recipe_template(config), config.generation.mode
    prompts = load_prompts(data, encoder, template, mode, settings.instruction)
    reference = _open_reference(start, settings, ranks, encoder)
    policy, before, speed = _open_policy(model, config, encoder, ranks)
    sampler = open_sampler(
        config,
        start,
        model,
        encoder,
        ranks,
        parallel=settings.parallel,
        dtype=settings.dtype,
    )
    readings = Readings(processor.tokenizer, config.entropy, seed)
    movement = WeightMovement(policy, settings.train)
    order, progress = open_order(prompts, settings, seed), GrpoProgress(0, before, [], 0)
    unfinished = UnfinishedGrpo(policy, folder, settings.resume, settings.steps, prompts)
    if state := unfinished.restore():
        progress = GrpoProgress(**state)
        order.restore(progress.drawn, progress.order)
        movement.restart()
    if state or config.without:  # an engine with weights of its own has loaded `start` unchanged
        sampler.offload()
        sampler.sync_weights(policy)
    return GrpoRun(
        config=config,
        folder=folder,
        processor=processor,
        policy=policy,
        reference=reference,
        sampler=sampler,
        order=order,
        progress=progress,
        movement=movement,
        speed=speed,
        readings=readings,
        unfinished=unfinished,
    )


def open_order(prompts: list[Prompt], settings: Grpo, seed: int) -> PromptOrder[Prompt]:
    """Return the order of the prompts: a shuffle, or the recipe's curriculum.

    Raises:
        ValueError: with a curriculum, a prompt has no measured pass rate, or there are too few prompts.
    """
    if settings.curriculum is None:
        return PromptOrder(prompts, seed)
    measured = [prompt.record.meta.get("pass_rate") for prompt in prompts]
    rates = [rate for rate in measured if rate is not None]
    if len(rates) < len(prompts):
        missing = prompts[measured.index(None)].record.id
        raise ValueError(
            f"grpo.curriculum: {len(prompts) - len(rates)} of {len(prompts)} prompts have no measured pass "
            f"rate, as {missing}; the run's data must be a set of kind sampled with otherwise question"
        )
    total = settings.steps * settings.prompts_per_step
    return CurriculumOrder(prompts, seed, rates, settings.curriculum, total)


def _open_policy(
    model: PreTrainedModel, config: GrpoConfig, encoder: Encoder, ranks: Ranks
) -> tuple[TrainingEngine, dict[str, str], EpisodeSpeed]:
    """Return the engine that learns, the hashes of its module groups, and the object that measures speed."""
    settings = config.settings
    prepare_model(model, settings.train, settings.parallel, lora=settings.lora, seed=config.seed)
    zero_modules(model, config.without)
    before = group_hashes(model, gather=StoredTensor.base)
    speed = EpisodeSpeed(model, settings, ranks)
    stats = PackedStats(model, temperature=settings.temperature, never=encoder.never)
    policy = open_engine(
        model,
        stats,
        ranks,
        optimizer=settings.optimizer,
        parallel=settings.parallel,
        dtype=settings.dtype,
    )
    return policy, before, speed


def _open_reference(
    start: Path, settings: Grpo, ranks: Ranks, encoder: Encoder
) -> Reference | None:
    """Load the frozen start if the KL penalty or the ratio needs it; shard it if the policy is sharded."""
    if not settings.kl and settings.old_logprobs != "reference":
        return None
    model = load_model(start, dtype=settings.dtype).requires_grad_(False)
    use_packed_attention(model, settings.parallel.attention)
    stats = PackedStats(model, temperature=settings.temperature, never=encoder.never)
    return open_frozen(stats, ranks, parallel=settings.parallel, dtype=settings.dtype)
