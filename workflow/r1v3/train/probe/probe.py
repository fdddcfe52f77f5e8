"""The probe (section 5.1): a checkpoint answers a fixed set; how uncertain is it where it reconsiders?

Two readings of critical-token entropy, both of the untempered distribution, in nats: `emitted`, at the
first token of a critical word, and `candidate`, at every sentence start. Control words stand beside.
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
from r1v3.recipe.schema.recipe import Images, Template
from r1v3.recipe.schema.training import Verifier
from r1v3.reward.configured import open_grader
from r1v3.train.core.engine import open_frozen
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.token_stats import PackedStats
from r1v3.train.entropy.readings import Readings
from r1v3.train.grpo.collect import episode_of, groups_of
from r1v3.train.grpo.episode_passes import gathered, plan_episode
from r1v3.train.grpo.rollouts import Episode, check_judged, load_prompts, run_episode, whole_episode
from r1v3.train.grpo.sampler import open_sampler

PROMPTS_AT_ONCE = 64


def probe(document: dict, *, checkpoint: Path, step: int, data: Path, output: Path) -> None:
    """Write one JSON: reward on the probe set, and the entropies with their bootstrap intervals."""
    settings, entropy, ranks = document["selection"], document["entropy"], Ranks.join()
    model = load_model(checkpoint, dtype=settings["dtype"]).eval().requires_grad_(False)
    processor = load_processor(checkpoint)
    encoder = Encoder(processor, Images.model_validate(document["images"]))
    sampler = open_sampler(document, checkpoint, settings, model, encoder, ranks)
    use_packed_attention(model, settings["parallel"]["attention"])
    episode = _answers(document, sampler, encoder, data, step, output.parent / "judge")
    sampler.offload()
    stats = PackedStats(model, temperature=1.0, never=encoder.never)
    alike = settings["parallel"]["zero"] == 3
    side = model.config.vision_config.image_size[0] if alike else None
    entropy_N = _entropies(open_frozen(stats, settings, ranks), episode, settings, ranks, side)
    if not ranks.first:
        return
    readings = Readings(processor.tokenizer, entropy, document["seed"])
    parts = [p.tolist() for p in entropy_N.split([len(r.token_ids) for r in episode.responses])]
    read = readings.read(episode.responses, parts, settings["samples"])
    intervals = {name: readings.interval(reading) for name, reading in read.items()}
    enough = intervals["emitted"]["count"] >= entropy["minimum_count"]
    entropies = entropy_N.tolist()
    result = {
        "step": step,
        "reward": _mean(episode.reward_GM),
        "accuracy": _mean(episode.accuracy_GM),
        "format": _mean(episode.format_GM),
        "accuracy_by_prompt": episode.accuracy_GM.mean(1).tolist(),
        "reward_by_prompt": episode.reward_GM.mean(1).tolist(),
        "entropy": sum(entropies) / len(entropies),
        "high_entropy_share": sum(e > entropy["threshold"] for e in entropies) / len(entropies),
        "critical_token_entropy": intervals["emitted"]["mean"] if enough else None,
        **intervals,
    }
    write_text(output, json.dumps(result, indent=1))


def _answers(document: dict, sampler, encoder, data: Path, step: int, judged: Path) -> Episode:
    """Every prompt's samples, graded, of all ranks."""
    settings, reward, mode = (
        document["selection"],
        document["grading"],
        document["generation"]["mode"],
    )
    instruction = document.get("instruction")  # of a run that learnt with one (section 6.6)
    prompts = load_prompts(
        data, encoder, Template.model_validate(document["template"]), mode, instruction
    )
    sampling = Sampling(
        settings["temperature"], 1.0, settings["max_new_tokens"], settings["samples"]
    )
    progress, episodes = Progress(len(prompts), f"probe step {step}: prompt"), []
    named = reward["verifier"]
    with open_grader(Verifier.model_validate(named) if named else None, judged) as grader:
        for first in range(0, len(prompts), PROMPTS_AT_ONCE):
            part = prompts[first : first + PROMPTS_AT_ONCE]
            own = run_episode(
                sampler.engine,
                sampler.share(part),
                sampling,
                grader,
                reward,
                mode=mode,
                seed=f"{document['seed']}/probe",
            )
            episodes.append(whole_episode(part, own, sampler.ranks))
            progress.advance(len(part))
    whole = episode_of([group for each in episodes for group in groups_of(each)])
    check_judged(whole.reasons, reward)
    return whole


@torch.no_grad()
def _entropies(stats, episode: Episode, settings: dict, ranks: Ranks, side) -> torch.Tensor:
    """Entropy of the distribution that emitted each token of all responses, in nats."""
    plan = {"samples": settings["samples"], "parallel": settings["parallel"]}
    plan |= {"minibatches": 1, "overlong": "keep"}
    passes, _ = plan_episode(episode, plan, ranks, side=side)
    for part in passes:
        part.look(*stats(part.pack))
    return gathered(passes, ranks)[1]


def _mean(values_GM: torch.Tensor) -> float:
    values = values_GM.flatten().tolist()
    return sum(values) / len(values)
