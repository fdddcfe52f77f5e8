"""The probe (section 5.1): a checkpoint answers a fixed set; how uncertain is it where it reconsiders?

Two readings of critical-token entropy, both of the untempered distribution, in nats: `emitted`, at the
first token of a critical word, and `candidate`, at every sentence start. Control words stand beside.
"""

import json
from pathlib import Path

import torch

from r1v3.generate.transformers_engine import TransformersEngine
from r1v3.generate.types import Response, Sampling
from r1v3.model.encode import Encoder
from r1v3.model.load import load_model, load_processor
from r1v3.model.packed import hidden_states, use_packed_attention
from r1v3.progress import Progress
from r1v3.reward.configured import open_grader
from r1v3.train.entropy_readings import NAMES, Reading, Readings
from r1v3.train.episode_passes import pack_episode
from r1v3.train.rollouts import load_prompts, run_episode
from r1v3.train.token_stats import token_stats

PROMPTS_A_PASS = 64


def probe(document: dict, *, checkpoint: Path, step: int, data: Path, output: Path) -> None:
    """Write one JSON: reward on the probe set, and the entropies with their bootstrap intervals."""
    settings, entropy = document["selection"], document["entropy"]
    reward = document["grading"]
    model, processor = load_model(checkpoint).eval(), load_processor(checkpoint)
    encoder = Encoder(processor, document["images"])
    mode = document["generation"]["mode"]
    prompts = load_prompts(data, encoder, document["template"], mode)
    engine = TransformersEngine(model, encoder)
    use_packed_attention(model)
    sampling = Sampling(
        settings["temperature"], 1.0, settings["max_new_tokens"], settings["samples"]
    )
    readings = Readings(processor.tokenizer, entropy, document["seed"])
    values = {name: Reading([], []) for name in NAMES}
    rewards, accuracies, forms, entropies, by_prompt = [], [], [], [], []
    progress = Progress(len(prompts), f"probe step {step}: prompt")
    with open_grader(reward, output.parent / "judge") as grader:
        for first in range(0, len(prompts), PROMPTS_A_PASS):
            part = prompts[first : first + PROMPTS_A_PASS]
            episode = run_episode(
                engine, part, sampling, grader, reward, mode=mode, seed=f"{document['seed']}/probe"
            )
            rewards += episode.reward_GM.flatten().tolist()
            accuracies += episode.accuracy_GM.flatten().tolist()
            by_prompt += episode.accuracy_GM.mean(1).tolist()
            forms += episode.format_GM.flatten().tolist()
            per_response = _entropies(
                model, encoder.never, part, episode.responses, settings["samples"]
            )
            entropies += [value for entropy_T in per_response for value in entropy_T]
            for name, reading in readings.read(
                episode.responses, per_response, settings["samples"]
            ).items():
                values[name].here.extend(reading.here)
                values[name].after.extend(reading.after)
            progress.advance(len(part))
    intervals = {name: readings.interval(reading) for name, reading in values.items()}
    enough = intervals["emitted"]["count"] >= entropy["minimum_count"]
    result = {
        "step": step,
        "reward": sum(rewards) / len(rewards),
        "accuracy": sum(accuracies) / len(accuracies),
        "format": sum(forms) / len(forms),
        "accuracy_by_prompt": by_prompt,
        "entropy": sum(entropies) / len(entropies),
        "high_entropy_share": sum(e > entropy["threshold"] for e in entropies) / len(entropies),
        "critical_token_entropy": intervals["emitted"]["mean"] if enough else None,
        **intervals,
    }
    partial = output.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1))
    partial.replace(output)


@torch.no_grad()
def _entropies(model, never, prompts, responses: list[Response], samples: int) -> list[list[float]]:
    """Entropy of the distribution that emitted each token of each response, nats."""
    pack = pack_episode(prompts, responses, samples)
    _, entropy_N = token_stats(
        hidden_states(model, pack), model.lm_head.weight, pack.target_N, never=never
    )
    return [part.tolist() for part in entropy_N.split([len(r.token_ids) for r in responses])]
