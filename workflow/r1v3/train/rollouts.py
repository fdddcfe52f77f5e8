"""An episode: sample M responses to each prompt, grade them, and normalise their rewards (eq. 3, 6)."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch

from r1v3.data.records import Record, read_records, render_question
from r1v3.generate.template import prompt_tail, render_prompt
from r1v3.generate.types import Request, Response, Sampling
from r1v3.model.encode import Encoded, Encoder
from r1v3.reward import Grader, combine, format_reward
from r1v3.train.ranks import Ranks


@dataclass(frozen=True)
class Prompt:
    """A question ready to be asked."""

    record: Record
    text: str
    encoded: Encoded


@dataclass(frozen=True)
class Episode:
    """Prompts, their M responses each in order, and what each was worth.

    Shapes: G prompts, M samples. `reasons` holds of each response who decided, and why.
    """

    prompts: list[Prompt]
    responses: list[Response]
    accuracy_GM: torch.Tensor
    format_GM: torch.Tensor
    reward_GM: torch.Tensor
    reasons: list[tuple[str, str]]


def load_prompts(folder: Path, encoder: Encoder, template: dict, mode: str) -> list[Prompt]:
    """Every record of a data set as a prompt, encoded once."""
    records = read_records(folder)
    texts = [
        render_prompt(
            template, render_question(record.question, record.options, len(record.images)), mode
        )
        for record in records
    ]
    pictures = [[Path(folder) / image for image in record.images] for record in records]
    encoded = encoder.prompts(texts, pictures)
    return [Prompt(*parts) for parts in zip(records, texts, encoded)]


def stable_seed(*parts) -> int:
    """A seed in [0, 2**63) from anything that names it."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def run_episode(
    engine,
    prompts: list[Prompt],
    sampling: Sampling,
    grader: Grader,
    reward: dict,
    *,
    mode: str,
    seed,
) -> Episode:
    """Sample and grade one episode.

    Args:
        engine: the in-process engine of the policy.
        reward: the recipe's `reward` section.
        seed: anything that names this episode; each prompt gets a stream of its own.
    """
    requests = [Request(p.record.id, p.text, (), stable_seed(seed, p.record.id)) for p in prompts]
    responses = engine.sample(requests, [p.encoded for p in prompts], sampling)
    return grade_episode(prompts, responses, grader, reward, mode=mode)


def grade_episode(
    prompts: list[Prompt], responses: list[Response], grader: Grader, reward: dict, *, mode: str
) -> Episode:
    """Reward every response (eq. 1 to 3).

    Raises:
        RuntimeError: more answers stayed unjudged than the recipe allows.
    """
    samples = len(responses) // len(prompts)
    texts = [prompt_tail(mode) + response.text for response in responses]
    verdicts = grader.grade_many(
        [
            {
                "id": f"{response.key}/{response.sample}",
                "question": prompts[n // samples].record.question,
                "options": prompts[n // samples].record.options,
                "gold": prompts[n // samples].record.answer,
                "type": prompts[n // samples].record.answer_type,
                "response": text,
            }
            for n, (response, text) in enumerate(zip(responses, texts))
        ]
    )
    unjudged = sum(verdict.correct is None for verdict in verdicts) / len(verdicts)
    allowed = reward["verifier"]["max_unjudged"] if reward["verifier"] else 0.0
    if unjudged > allowed:
        raise RuntimeError(
            f"{unjudged:.1%} of the answers unjudged; reward.verifier allows {allowed:.1%}"
        )
    shape = (len(prompts), samples)
    accuracy = torch.tensor([float(bool(v.correct)) for v in verdicts]).view(shape)
    form = torch.tensor([format_reward(text) for text in texts]).view(shape)
    total = torch.tensor(
        [
            combine(
                a,
                f,
                accuracy_weight=reward["accuracy_weight"],
                format_weight=reward["format_weight"],
            )
            for a, f in zip(accuracy.flatten().tolist(), form.flatten().tolist())
        ]
    ).view(shape)
    reasons = [(verdict.by, verdict.reason) for verdict in verdicts]
    return Episode(prompts, responses, accuracy, form, total, reasons)


def whole_episode(prompts: list[Prompt], own: Episode, ranks: Ranks) -> Episode:
    """The episode of all ranks, put together from their parts, on every rank."""
    if ranks.world == 1:
        return own
    rewards = zip(own.accuracy_GM.tolist(), own.format_GM.tolist(), own.reward_GM.tolist())
    accuracy, form, reward = zip(*ranks.gather(list(rewards)))
    return Episode(
        prompts,
        ranks.gather(own.responses),
        torch.tensor(accuracy),
        torch.tensor(form),
        torch.tensor(reward),
        ranks.gather(own.reasons),
    )
