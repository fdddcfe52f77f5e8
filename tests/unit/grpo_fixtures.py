"""Makes settings, and episodes of the small model without an engine, for many tests."""

import torch
from model_fixtures import IMAGES, TEMPLATE, picture, small_encoder, small_model
from training_fixtures import OPTIMIZER, SFT

from r1v3.data.records import Record
from r1v3.generate.types import Response
from r1v3.model.packed import use_packed_attention
from r1v3.recipe.graph.configs import Answering, CheckpointOf, GrpoConfig, ProbeConfig
from r1v3.recipe.schema.recipe import Entropy, Selection
from r1v3.recipe.schema.training import Grpo, Reward
from r1v3.train.core.engine import WholeEngine
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.token_stats import PackedStats
from r1v3.train.grpo import trainer as grpo
from r1v3.train.grpo.loss.update import score_advantages, update_policy
from r1v3.train.grpo.passes.episode_passes import pack_episode
from r1v3.train.grpo.sampling import rollouts
from r1v3.train.grpo.sampling.prompts import Prompt
from r1v3.train.grpo.sampling.rollouts import Episode
from r1v3.train.probe.probe_checkpoint import probe_checkpoint

GRPO = {
    "train": ["vision_tower", "connector", "llm"],
    "optimizer": OPTIMIZER | {"schedule": "constant"},
    "steps": 4,
    "prompts_per_step": 3,
    "samples": 4,
    "updates_per_episode": 1,
    "minibatches": 1,
    "aggregation": "sequence_mean",
    "advantage": {"ddof": 1, "epsilon": 1e-6},
    "clip_low": 0.2,
    "clip_high": 0.2,
    "kl": 0.0,
    "kl_estimator": "k1",
    "old_logprobs": "trainer",
    "top_entropy": None,
    "covariance": None,
    "dynamic_sampling": None,
    "temperature": 1.0,
    "top_p": 1.0,
    "lengths": [{"step": 0, "tokens": 6}, {"step": 2, "tokens": 8}],
    "overlong": "keep",
    "overlong_buffer": None,
    "instruction": None,
    "dtype": "float32",
    "checkpoint_every": 2,
    "keep_rollouts": 1.0,
    "reward": {"accuracy_weight": 0.8, "format_weight": 0.2, "verifier": None},
    "parallel": SFT["parallel"],
    "resume": {"seconds": 20, "keep": 2},
}
OVERLAPPED = {
    "rollouts": {"mode": "overlapped", "staleness": 1},
    "mismatch": {"level": "token", "mode": "truncate", "cap": 2.0},
    "minibatches": 3,
    "optimizer": GRPO["optimizer"] | {"learning_rate": 0.02},
    "checkpoint_every": 1,
}
ENTROPY = {
    "critical_words": ["Wait"],
    "control_words": ["sum"],
    "minimum_count": 2,
    "threshold": 3.0,
    "resamples": 20,
}
TEXTS = ("3+4=7", "Wait, 4+3=7.", "7", "\\boxed{7} A. 1")


def record(name: str, source: str = "world") -> Record:
    return Record(
        id=name, question="?", options=None, answer="7", answer_type="open", images=(), domain="plain",
        difficulty="normal", language="en", source=source, licence="x", split="train", response=None, meta={},
    )  # fmt: skip


def grpo_settings(**changes) -> Grpo:
    """Return the settings of `GRPO` with some keys changed."""
    return Grpo.model_validate(GRPO | changes)


def learner() -> WholeEngine:
    """Return a policy of the small model in this process."""
    model = small_model()
    use_packed_attention(model)
    stats = PackedStats(model, temperature=1.0, never=())
    return WholeEngine(model, stats, grpo_settings().optimizer, Ranks(0, 1))


def reference() -> PackedStats:
    """Return the small model with its initial weights."""
    model = small_model().requires_grad_(False)
    use_packed_attention(model)
    return PackedStats(model, temperature=1.0, never=())


def episode_of_policy(policy, prompts: int = 2, off_by: float = 0.0) -> Episode:
    """Return an episode in which each prompt has the four texts as answers.

    The engine's log-probabilities are `off_by` nats off. Rewards of a group are 1, 0, 0, 0.
    """
    encoder = small_encoder()
    asked = [
        Prompt(record(f"q{n}"), "", encoder.prompt("<image>\nWhat is the sum?", [picture(n)]))
        for n in range(prompts)
    ]
    ids = [encoder.text_ids(text) for text in TEXTS]
    bare = [
        Response(prompt.record.id, m, TEXTS[m], own, (0.0,) * len(own), "stop", 9)
        for prompt in asked
        for m, own in enumerate(ids)
    ]
    with torch.no_grad():
        logp_N = policy(pack_episode(asked, bare, len(TEXTS)))[0] - off_by
    parts = logp_N.split([len(r.token_ids) for r in bare])
    responses = [
        Response(r.key, r.sample, r.text, r.token_ids, tuple(part.tolist()), "stop", 9)
        for r, part in zip(bare, parts)
    ]
    reward = torch.tensor([[1.0, 0.0, 0.0, 0.0]] * prompts)
    reasons = [("rule:number", "")] * len(responses)
    return Episode(asked, responses, reward, torch.ones_like(reward), reward, reasons)


def update(policy, episode, against=None, rate=0.02, limit=8, **changes):
    """Take the gradient steps of an episode, with some keys of `GRPO` changed."""
    settings = grpo_settings(**changes)
    advantage_R = score_advantages(episode, settings, limit)
    return update_policy(policy, against, episode, advantage_R, settings, rate=rate, seed=0)


def grpo_run(folder, start, data, generation=None, without=(), **changes):
    """Run GRPO of a random model, which is rewarded for the length of its text so that it learns at all."""
    folder.mkdir(exist_ok=True)
    rollouts.format_reward = lambda text: len(text) % 3 / 2
    config = GrpoConfig(
        version=1,
        name="grpo",
        seed=3,
        template=TEMPLATE,
        images=IMAGES,
        settings=grpo_settings(**changes),
        start=CheckpointOf(run="start", checkpoint="last", selection=None),
        data="set",
        without=list(without),
        entropy=Entropy.model_validate(ENTROPY),
        generation=Answering.model_validate(
            generation or {"engine": "transformers", "mode": "slow"}
        ),
    )
    return grpo.train_grpo(config, start=start, data=data, folder=folder)


def overlapped_run(folder, start, data):
    """Run GRPO with episodes sampled one step ahead, at a rate at which the lag has a visible effect."""
    return grpo_run(folder, start, data, **OVERLAPPED)


def probe_run(folder, checkpoint, data, parallel=SFT["parallel"]):
    """Probe a random checkpoint on 13 prompts with two samples, and return the JSON."""
    folder.mkdir(exist_ok=True)
    config = ProbeConfig(
        version=1,
        name="probe",
        seed=3,
        template=TEMPLATE,
        images=IMAGES,
        generation=Answering(engine="transformers", mode="slow"),
        grading=Reward.model_validate(GRPO["reward"]),
        run="run",
        data="set",
        selection=selection(parallel=parallel),
        entropy=Entropy.model_validate(ENTROPY),
    )
    output = folder / "probe-step-000004.json"
    probe_checkpoint(config, checkpoint=checkpoint, step=4, data=data, output=output)
    return output


def selection(**changes) -> Selection:
    """Return how a checkpoint is chosen and probed, with some keys changed."""
    settings = {
        "policy": "critical_entropy",
        "within_reward": None,
        "probe": "set",
        "samples": 2,
        "temperature": 1.0,
        "max_new_tokens": 8,
        "dtype": "float32",
        "parallel": SFT["parallel"],
    }
    return Selection.model_validate(settings | changes)
