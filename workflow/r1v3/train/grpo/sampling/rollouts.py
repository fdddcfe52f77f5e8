"""An episode: sample M responses to each prompt, grade them (eq. 2), and reward them (eq. 1 and 3)."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from r1v3.base.seeding import stable_seed
from r1v3.data.records import render_question
from r1v3.generate.types import PolicyEngine, Request, Response, Sampling
from r1v3.model.prompt_template import prompt_tail
from r1v3.recipe.schema.data import Mode
from r1v3.recipe.schema.training import Reward, RewardTerm
from r1v3.reward import Grader, Verdict, combine, format_reward
from r1v3.reward.score_term import ScoreTerm, Shown, term_of_score
from r1v3.reward.verdict import AnswerRow
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.records.timer import StepTimer
from r1v3.train.grpo.resume.saved_samples import SavedSamples
from r1v3.train.grpo.sampling.prompts import Prompt

Found = TypeVar("Found")


@dataclass(frozen=True)
class Episode:
    """Prompts with M responses each, and the rewards of the responses.

    Shapes: G prompts, M samples.

    Attributes:
        responses: the responses to the first prompt, then those to the second, and so on.
        accuracy_GM, format_GM, reward_GM: in [0, 1].
        reasons: for each response, which rule or verifier decided, and why.
        score_GM: scores of the reward model, NaN where it gave none; None without a reward model.
    """

    prompts: list[Prompt]
    responses: list[Response]
    accuracy_GM: torch.Tensor
    format_GM: torch.Tensor
    reward_GM: torch.Tensor
    reasons: list[tuple[str, str]]
    score_GM: torch.Tensor | None = None

    @property
    def lengths(self) -> list[int]:
        """Return the number of tokens of each response."""
        return [len(response.token_ids) for response in self.responses]


@dataclass(frozen=True)
class Scoring:
    """What turns the responses of an episode into rewards.

    Attributes:
        reward: the recipe's section.
        mode: thinking mode, which decides what the template wrote of each reply.
        term: client of the reward model; None without one.
    """

    grader: Grader
    reward: Reward
    mode: Mode
    term: ScoreTerm | None = None


def run_episode(
    engine: PolicyEngine | None,
    prompts: list[Prompt],
    sampling: Sampling,
    scoring: Scoring,
    *,
    seed: str,
    timer: StepTimer | None = None,
    saved: SavedSamples | None = None,
) -> Episode:
    """Sample and grade one episode. Responses are graded while others are still being sampled.

    Args:
        engine: samples from the policy; None only in a process that asks no prompt.
        seed: names this episode; each prompt gets its own random stream.
        timer: gets the seconds of sampling, and those that grading takes after sampling has ended.
        saved: stores responses as they come, and returns those of a killed run.

    Raises:
        RuntimeError: the engine cannot answer a prompt.
    """
    grader, mode, term = scoring.grader, scoring.mode, scoring.term
    began = time.monotonic()
    responses: dict[str, list[Response]] = {}
    graded: dict[str, tuple[Future[list[Verdict]], int]] = {}
    scored: dict[str, tuple[Future[list[float]], int]] = {}
    with (
        ThreadPoolExecutor(1, thread_name_prefix="reward") as pool,
        ThreadPoolExecutor(1, thread_name_prefix="score") as other,
    ):
        for part in _sample(engine, prompts, sampling, seed, saved):
            groups = [part[n : n + sampling.samples] for n in range(0, len(part), sampling.samples)]
            asked = [prompts[int(group[0].key)] for group in groups]
            coming = pool.submit(grade_responses, grader, asked, part, mode=mode)
            judging = None
            if term is not None:
                judging = other.submit(score_responses, term, asked, part, mode, seed)
            for n, group in enumerate(groups):
                responses[group[0].key] = group
                graded[group[0].key] = (coming, n * sampling.samples)
                if judging is not None:
                    scored[group[0].key] = (judging, n * sampling.samples)
        generated = time.monotonic()
        order = [str(n) for n in range(len(prompts))]
        verdicts = in_order(graded, order, sampling.samples)
        scores = in_order(scored, order if term else [], sampling.samples)
    if timer is not None:
        timer.add(generate=generated - began, reward=time.monotonic() - generated)
    named = [replace(r, key=prompts[int(key)].record.id) for key in order for r in responses[key]]
    episode = score_rollouts(prompts, named, verdicts, scoring.reward, mode=mode)
    return episode if term is None else with_scores(episode, scores, term.settings)


def in_order(
    coming: dict[str, tuple[Future[list[Found]], int]], order: list[str], samples: int
) -> list[Found]:
    """Return the results of all samples, in the order of the prompts.

    Args:
        coming: for each prompt, the future result of its batch, and the index in it of the prompt's first
            sample.
    """
    found: list[Found] = []
    for key in order:
        result, first = coming[key]
        found += result.result()[first : first + samples]
    return found


def _sample(
    engine: PolicyEngine | None,
    prompts: list[Prompt],
    sampling: Sampling,
    seed: str,
    saved: SavedSamples | None,
) -> Iterator[list[Response]]:
    """Yield all samples of each prompt as they are finished, saved ones first. Keys are prompt indices.

    An engine in this process gives other last bits if it samples other prompts at the same time. So it
    answers all prompts again unless all were saved. A resumed run then equals an undisturbed one.
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
    """Yield the engine's responses to the prompts with the indices `places`.

    If the order of asking changes no response, the longest prompts are asked first, so that none begins last.
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
    """Grade each response (eq. 2)."""
    samples = len(responses) // len(prompts)
    rows: list[AnswerRow] = []
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


def score_responses(
    term: ScoreTerm, prompts: list[Prompt], responses: list[Response], mode: Mode, seed: str
) -> list[float]:
    """Ask the reward model for a score of each response; NaN where it gives none."""
    samples = len(responses) // len(prompts)
    shown: list[Shown] = []
    for n, response in enumerate(responses):
        prompt = prompts[n // samples]
        record = prompt.record
        question = render_question(record.question, record.options, len(record.images))
        shown.append(Shown(question, prompt.pictures, prompt_tail(mode) + response.text))
    return term.scores(shown, seed.replace("/", "-"))


def with_scores(episode: Episode, scores: list[float], settings: RewardTerm) -> Episode:
    """Return the episode with the reward model's scores, which become part of the reward."""
    score_GM = torch.tensor(scores).view(episode.reward_GM.shape)
    term_GM = torch.tensor([term_of_score(settings, score) for score in scores])
    reward_GM = (1 - settings.weight) * episode.reward_GM
    reward_GM = reward_GM + settings.weight * term_GM.view(reward_GM.shape)
    return replace(episode, reward_GM=reward_GM, score_GM=score_GM)


def score_rollouts(
    prompts: list[Prompt],
    responses: list[Response],
    verdicts: list[Verdict],
    reward: Reward,
    *,
    mode: Mode,
) -> Episode:
    """Compute format reward (eq. 1) and total reward (eq. 3); an unjudged response counts as wrong."""
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
    """Stop if a verifier left too many answers unjudged.

    Args:
        reasons: for every graded answer of all ranks, who decided, and why.
        reward: the recipe's section.

    Raises:
        RuntimeError: more answers stayed unjudged than the recipe allows.
    """
    unjudged = sum(by == "none" for by, _ in reasons) / max(1, len(reasons))
    allowed = reward.verifier.max_unjudged if reward.verifier else 0.0
    if unjudged > allowed:
        raise RuntimeError(
            f"{unjudged:.1%} of the answers unjudged; reward.verifier allows {allowed:.1%}; have the"
            " verifier answer, then call the same command again: it goes on"
        )


def check_scored(score_GM: torch.Tensor | None, settings: RewardTerm | None) -> None:
    """Stop if the reward model left too many responses without a score.

    Raises:
        RuntimeError: the share is higher than the recipe allows.
    """
    if score_GM is None or settings is None:
        return
    missing = float(score_GM.isnan().float().mean())
    if missing > settings.max_unjudged:
        raise RuntimeError(
            f"{missing:.1%} of the responses have no score of {settings.model}; reward_model allows "
            f"{settings.max_unjudged:.1%}"
        )


def gather_episode(prompts: list[Prompt], own: Episode, ranks: Ranks) -> Episode:
    """Join the parts of all ranks to one episode, which every rank gets.

    Args:
        prompts: prompts of all ranks.
        own: this rank's part.
    """
    if ranks.world == 1:
        return own
    rewards = zip(own.accuracy_GM.tolist(), own.format_GM.tolist(), own.reward_GM.tolist())
    accuracy, form, reward = zip(*ranks.gather(list(rewards)))
    scores = None if own.score_GM is None else torch.tensor(ranks.gather(own.score_GM.tolist()))
    return Episode(
        prompts,
        ranks.gather(own.responses),
        torch.tensor(accuracy),
        torch.tensor(form),
        torch.tensor(reward),
        ranks.gather(own.reasons),
        scores,
    )
