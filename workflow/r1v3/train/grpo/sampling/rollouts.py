"""An episode: sample M responses to each prompt, grade them (eq. 2), and reward them (eq. 1 and 3)."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch

from r1v3.base.seeding import stable_seed
from r1v3.generate.types import PolicyEngine, Request, Response, Sampling
from r1v3.model.prompt_template import prompt_tail
from r1v3.recipe.schema.data import Mode
from r1v3.recipe.schema.training import Reward
from r1v3.reward import Grader, Verdict, combine, format_reward
from r1v3.reward.verdict import Row
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.records.timer import StepTimer
from r1v3.train.grpo.resume.saved_samples import SavedSamples
from r1v3.train.grpo.sampling.prompts import Prompt


@dataclass(frozen=True)
class Episode:
    """Prompts, their M responses each in order, and the rewards of these.

    Shapes: G prompts, M samples.

    Attributes:
        responses: those of the first prompt, then those of the second, and so on.
        accuracy_GM, format_GM, reward_GM: in [0, 1].
        reasons: of each response, who decided on it, and why.
    """

    prompts: list[Prompt]
    responses: list[Response]
    accuracy_GM: torch.Tensor
    format_GM: torch.Tensor
    reward_GM: torch.Tensor
    reasons: list[tuple[str, str]]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each response."""
        return [len(response.token_ids) for response in self.responses]


def run_episode(
    engine: PolicyEngine | None,
    prompts: list[Prompt],
    sampling: Sampling,
    grader: Grader,
    reward: Reward,
    *,
    mode: Mode,
    seed: str,
    timer: StepTimer | None = None,
    saved: SavedSamples | None = None,
) -> Episode:
    """Sample and grade one episode; answers are graded while others are still being sampled.

    Args:
        engine: samples from the policy; None only in a process that asks no prompt.
        reward: the recipe's section.
        seed: names this episode; each prompt gets a random stream of its own.
        timer: adds up the seconds of sampling, and of what grading takes longer.
        saved: keeps the answers as they come, and has those of a run that was killed.

    Raises:
        RuntimeError: the engine cannot answer a prompt.
    """
    began = time.monotonic()
    responses: dict[str, list[Response]] = {}
    graded: dict[str, tuple[Future[list[Verdict]], int]] = {}
    with ThreadPoolExecutor(1, thread_name_prefix="reward") as pool:
        for part in _sample(engine, prompts, sampling, seed, saved):
            groups = [part[n : n + sampling.samples] for n in range(0, len(part), sampling.samples)]
            asked = [prompts[int(group[0].key)] for group in groups]
            coming = pool.submit(grade_responses, grader, asked, part, mode=mode)
            for n, group in enumerate(groups):
                responses[group[0].key] = group
                graded[group[0].key] = (coming, n * sampling.samples)
        generated = time.monotonic()
        order = [str(n) for n in range(len(prompts))]
        verdicts: list[Verdict] = []
        for key in order:
            coming, first = graded[key]
            verdicts += coming.result()[first : first + sampling.samples]
    if timer is not None:
        timer.add(generate=generated - began, reward=time.monotonic() - generated)
    named = [replace(r, key=prompts[int(key)].record.id) for key in order for r in responses[key]]
    return score_rollouts(prompts, named, verdicts, reward, mode=mode)


def _sample(
    engine: PolicyEngine | None,
    prompts: list[Prompt],
    sampling: Sampling,
    seed: str,
    saved: SavedSamples | None,
) -> Iterator[list[Response]]:
    """All samples of some prompts as they are finished, first those that were saved; keys are places.

    What the engine in this process writes depends, in the last bits, on the prompts sampled beside it. So it
    answers all prompts again unless all were saved; then a resumed run is the same run.
    """
    ids = [prompt.record.id for prompt in prompts]
    known = saved.of_round(seed, ids) if saved else []
    done = {response.key for response in known}
    if len(done) < len(prompts) and engine is not None and engine.depends_on_batch:
        known, done = [], set[str]()
    if known:
        yield known
    places = [n for n in range(len(prompts)) if str(n) not in done]
    if not places:
        return
    assert engine is not None, "a process without an engine asks no prompt"
    for part in _ask(engine, prompts, places, sampling, seed):
        if not part:
            continue
        if saved:
            saved.add(seed, ids, part)
        yield part


def _ask(
    engine: PolicyEngine, prompts: list[Prompt], places: list[int], sampling: Sampling, seed: str
) -> Iterator[list[Response]]:
    """Answers of the engine to the prompts at `places`.

    The longest prompts are asked first where the order changes no answer: what begins last is waited for.
    """
    if not engine.depends_on_batch:
        places = sorted(places, key=lambda n: -len(prompts[n].encoded.prompt_ids))
    seeds = {n: stable_seed(seed, prompts[n].record.id) for n in places}
    requests = [Request(str(n), prompts[n].text, prompts[n].pictures, seeds[n]) for n in places]
    encoded = [prompts[n].encoded for n in places]
    for part in engine.generate_batch(requests, encoded, sampling):
        for response in part:
            if response.error:
                name = prompts[int(response.key)].record.id
                raise RuntimeError(f"{name} cannot be answered: {response.error}")
        yield part


def grade_responses(
    grader: Grader, prompts: list[Prompt], responses: list[Response], *, mode: Mode
) -> list[Verdict]:
    """One verdict on each response (eq. 2)."""
    samples = len(responses) // len(prompts)
    rows: list[Row] = []
    for n, response in enumerate(responses):
        record = prompts[n // samples].record
        rows.append(
            {
                "id": f"{record.id}/{response.sample}",
                "question": record.question,
                "options": record.options,
                "gold": record.answer,
                "type": record.answer_type,
                "response": prompt_tail(mode) + response.text,
            }
        )
    return grader.grade_many(rows)


def score_rollouts(
    prompts: list[Prompt],
    responses: list[Response],
    verdicts: list[Verdict],
    reward: Reward,
    *,
    mode: Mode,
) -> Episode:
    """Format reward (eq. 1) and total reward (eq. 3) of every response; an unjudged one counts as wrong."""
    shape = (len(prompts), len(responses) // max(1, len(prompts)))
    weights = {"accuracy_weight": reward.accuracy_weight, "format_weight": reward.format_weight}
    accuracy_GM = torch.tensor([float(bool(v.correct)) for v in verdicts]).view(shape)
    format_R = [format_reward(prompt_tail(mode) + response.text) for response in responses]
    format_GM = torch.tensor(format_R).view(shape)
    pairs = zip(accuracy_GM.flatten().tolist(), format_GM.flatten().tolist())
    reward_GM = torch.tensor([combine(a, f, **weights) for a, f in pairs]).view(shape)
    reasons = [(verdict.by, verdict.reason) for verdict in verdicts]
    return Episode(prompts, responses, accuracy_GM, format_GM, reward_GM, reasons)


def check_judged(reasons: list[tuple[str, str]], reward: Reward) -> None:
    """Fail if a verifier left too many answers unjudged.

    Args:
        reasons: of every answer that was graded, of all ranks.
        reward: the recipe's section.

    Raises:
        RuntimeError: more answers stayed unjudged than the recipe allows.
    """
    unjudged = sum(by == "none" for by, _ in reasons) / max(1, len(reasons))
    allowed = reward.verifier.max_unjudged if reward.verifier else 0.0
    if unjudged > allowed:
        raise RuntimeError(
            f"{unjudged:.1%} of the answers unjudged; reward.verifier allows {allowed:.1%}"
        )


def gather_episode(prompts: list[Prompt], own: Episode, ranks: Ranks) -> Episode:
    """The episode of all ranks, put together from their parts, on every rank.

    Args:
        prompts: of all ranks.
        own: this rank's part.
    """
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
