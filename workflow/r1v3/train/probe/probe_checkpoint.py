"""The probe (section 5.1): a checkpoint answers a fixed set, and its entropy at critical tokens is measured.

Critical-token entropy has two readings, both at temperature 1, in nats: `emitted`, at the first token of a
critical word, and `candidate`, at the start of every sentence. Control words are measured as well.
"""

import json
from pathlib import Path

import torch

from r1v3.base.atomic_write import write_text
from r1v3.base.progress import Progress
from r1v3.generate.types import Sampling
from r1v3.model.encode import Encoder
from r1v3.model.load import load_model, load_processor
from r1v3.model.packed import use_packed_attention
from r1v3.model.pictures import Pictures
from r1v3.recipe.graph.configs import ProbeConfig
from r1v3.recipe.outputs.code import code_for
from r1v3.recipe.schema.recipe import Selection
from r1v3.reward.configured import open_grader
from r1v3.train.core.engine import open_frozen
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.template import recipe_template
from r1v3.train.core.token_stats import PackedStats
from r1v3.train.entropy.readings import Readings
from r1v3.train.grpo.loss.update import Reference
from r1v3.train.grpo.passes.episode_passes import gather_stats, plan_episode
from r1v3.train.grpo.sampling.collect import episode_of, groups_of
from r1v3.train.grpo.sampling.prompts import load_prompts
from r1v3.train.grpo.sampling.rollouts import (
    Episode,
    Scoring,
    check_judged,
    gather_episode,
    run_episode,
)
from r1v3.train.grpo.sampling.sampler import Sampler, open_sampler

PROMPTS_AT_ONCE = 64


def probe_checkpoint(
    config: ProbeConfig, *, checkpoint: Path, step: int, data: Path, output: Path
) -> None:
    """Write a JSON file: reward on the probe set, and the entropies with their bootstrap intervals.

    Args:
        step: step of the checkpoint.
        data: folder of the probe set.
    """
    settings, entropy, ranks = config.selection, config.entropy, Ranks.join()
    code = code_for("probe", config.model_dump())
    model = load_model(checkpoint, dtype=settings.dtype).eval().requires_grad_(False)
    processor = load_processor(checkpoint)
    encoder, parallel = Encoder(processor, config.images), settings.parallel
    sampler = open_sampler(
        config, checkpoint, model, encoder, ranks, parallel=parallel, dtype=settings.dtype
    )
    use_packed_attention(model, parallel.attention)
    episode = _answer(config, sampler, encoder, data, step, output.parent / "judge")
    sampler.offload()
    stats = PackedStats(model, temperature=1.0, never=encoder.never)
    blank = processor.blank() if parallel.zero == 3 else None
    frozen = open_frozen(stats, ranks, parallel=parallel, dtype=settings.dtype)
    entropy_N = _entropies(frozen, episode, settings, ranks, blank)
    if not ranks.first:
        return
    readings = Readings(processor.tokenizer, entropy, config.seed)
    parts = [part.tolist() for part in entropy_N.split(episode.lengths)]
    read = readings.read(episode.responses, parts, settings.samples)
    intervals = {name: readings.interval(reading) for name, reading in read.items()}
    enough = intervals["emitted"]["count"] >= entropy.minimum_count
    entropies = entropy_N.tolist()
    result = {
        "step": step,
        "reward": _mean(episode.reward_GM),
        "accuracy": _mean(episode.accuracy_GM),
        "format": _mean(episode.format_GM),
        "accuracy_by_prompt": episode.accuracy_GM.mean(1).tolist(),
        "reward_by_prompt": episode.reward_GM.mean(1).tolist(),
        "entropy": sum(entropies) / len(entropies),
        "high_entropy_share": sum(e > entropy.threshold for e in entropies) / len(entropies),
        "critical_token_entropy": intervals["emitted"]["mean"] if enough else None,
        **intervals,
        "code": code,
    }
    write_text(output, json.dumps(result, indent=1))


def _answer(
    config: ProbeConfig, sampler: Sampler, encoder: Encoder, data: Path, step: int, judged: Path
) -> Episode:
    """Sample and grade every prompt, and return the episode of all ranks.

    Args:
        judged: folder of the verifier's verdicts.
    """
    settings, reward, mode = config.selection, config.grading, config.generation.mode
    # A run that was trained with an instruction is probed with it (section 6.6).
    prompts = load_prompts(data, encoder, recipe_template(config), mode, config.instruction)
    sampling = Sampling(settings.temperature, 1.0, settings.max_new_tokens, settings.samples)
    progress, episodes = Progress(len(prompts), f"probe step {step}: prompt"), list[Episode]()
    with open_grader(reward.verifier, judged) as grader:
        for first in range(0, len(prompts), PROMPTS_AT_ONCE):
            part = prompts[first : first + PROMPTS_AT_ONCE]
            own = run_episode(
                sampler.engine,
                sampler.share(part),
                sampling,
                Scoring(grader, reward, mode),
                seed=f"{config.seed}/probe",
            )
            episodes.append(gather_episode(part, own, sampler.ranks))
            progress.advance(len(part))
    episode = episode_of([group for each in episodes for group in groups_of(each)])
    check_judged(episode.reasons, reward)
    return episode


@torch.no_grad()
def _entropies(
    stats: Reference, episode: Episode, settings: Selection, ranks: Ranks, blank: Pictures | None
) -> torch.Tensor:
    """Compute the entropy at each token of all responses, of shape (N,), in nats."""
    plan = plan_episode(
        episode, settings.samples, ranks, pass_tokens=settings.parallel.pass_tokens, blank=blank
    )
    for part in plan.passes:
        part.note_first(*stats(part.build()))
    return gather_stats(plan.passes, ranks).entropy_N


def _mean(values_GM: torch.Tensor) -> float:
    values = values_GM.flatten().tolist()
    return sum(values) / len(values)
