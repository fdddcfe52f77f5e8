"""An episode: sample M responses to each prompt, grade them, and normalise their rewards (eq. 3, 6)."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from r1v3.base.seeding import stable_seed
from r1v3.data.records import Record, read_records, render_question
from r1v3.generate.types import PolicyEngine, Request, Response, Sampling
from r1v3.model.encode import Encoded, EncodedOnDisk, Encoder
from r1v3.model.prompt_template import prompt_tail, render_prompt
from r1v3.recipe.schema.recipe import Template
from r1v3.reward import Grader, Verdict, combine, format_reward
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.saved_samples import HeldSamples

# Bytes of tiles that a process keeps in memory, and prompts that are encoded together.
KEPT_TILES, ENCODED_AT_ONCE = 8 * 2**30, 1024


@dataclass(frozen=True)
class Prompt:
    """A question ready to be asked."""

    record: Record
    text: str
    encoded: Encoded | EncodedOnDisk
    pictures: tuple[Path, ...] = ()


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


@dataclass
class Clock:
    """Seconds that each phase took, added up."""

    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, **phases: float) -> None:
        """Add to phases by name."""
        for name, value in phases.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + value


def load_prompts(
    folder: Path, encoder: Encoder, template: Template, mode: str, instruction: str | None = None
) -> list[Prompt]:
    """Every record of a data set as a prompt, encoded once; an instruction follows each question."""
    records = read_records(folder)
    said = f"\n{instruction}" if instruction else ""
    questions = [render_question(r.question, r.options, len(r.images)) + said for r in records]
    texts = [render_prompt(template, question, mode) for question in questions]
    pictures = [tuple(Path(folder) / image for image in record.images) for record in records]
    encoded = encode_prompts(texts, pictures, encoder)
    return [Prompt(*parts) for parts in zip(records, texts, encoded, pictures)]


def encode_prompts(
    texts: list[str], pictures: list[tuple[Path, ...]], encoder: Encoder, keep: int = KEPT_TILES
) -> list[Encoded | EncodedOnDisk]:
    """Prompts by parts; tiles beyond `keep` bytes stay on disk: 15,000 questions of 7 tiles are 250 GB.

    Those are told by the pictures' headers, and decoded once only to know that they can be.
    """
    encoded, held = [], 0
    with ThreadPoolExecutor(thread_name_prefix="encode") as threads:
        for first in range(0, len(texts), ENCODED_AT_ONCE):
            part = slice(first, first + ENCODED_AT_ONCE)
            shown, own = texts[part], [list(each) for each in pictures[part]]
            counts = list(threads.map(encoder.tile_counts, own))
            held += sum(map(sum, counts)) * 3 * encoder.side**2 * torch.float32.itemsize
            if held <= keep:
                encoded += encoder.prompts(shown, own)
                continue
            list(threads.map(encoder.check, own))
            ids = encoder.prompt_ids(shown, counts)
            encoded += [EncodedOnDisk(i, encoder, each) for i, each in zip(ids, pictures[part])]
    return encoded


def run_episode(
    engine: PolicyEngine | None,
    prompts: list[Prompt],
    sampling: Sampling,
    grader: Grader,
    reward: dict,
    *,
    mode: str,
    seed,
    clock: Clock | None = None,
    held: HeldSamples | None = None,
) -> Episode:
    """Sample and grade one episode; answers are graded while others are still being written.

    Args:
        engine: of the policy; None where there are no prompts.
        reward: the recipe's `reward` section.
        seed: anything that names this episode; each prompt gets a stream of its own.
        clock: adds up the seconds of generating, and of what grading takes longer.
        held: keeps the answers as they come, and has those of a run that was killed.

    Raises:
        RuntimeError: an answer could not be made.
    """
    began = time.monotonic()
    responses: dict[str, list[Response]] = {}
    graded: dict[str, tuple[Future, int]] = {}
    with ThreadPoolExecutor(1, thread_name_prefix="reward") as pool:
        for part in _answers(engine, prompts, sampling, seed, held):
            groups = [part[n : n + sampling.samples] for n in range(0, len(part), sampling.samples)]
            asked = [prompts[int(group[0].key)] for group in groups]
            coming = pool.submit(judge, grader, asked, part, mode=mode) if part else None
            for n, group in enumerate(groups):
                responses[group[0].key] = group
                graded[group[0].key] = (coming, n * sampling.samples)
        generated = time.monotonic()
        order = [str(n) for n in range(len(prompts))]
        verdicts = []
        for key in order:
            coming, first = graded[key]
            verdicts += coming.result()[first : first + sampling.samples]
    if clock is not None:
        clock.add(generate=generated - began, reward=time.monotonic() - generated)
    named = [replace(r, key=prompts[int(key)].record.id) for key in order for r in responses[key]]
    return reckon(prompts, named, verdicts, reward, mode=mode)


def _answers(engine, prompts, sampling: Sampling, seed, held) -> Iterator[list[Response]]:
    """Whole requests as they are finished, their keys the prompts' places; first those that are held.

    What the engine in process writes depends, in the last bits, on the prompts beside it: it answers all of
    them again unless all are held, so that a resumed run is the same run.
    """
    ids = [prompt.record.id for prompt in prompts]
    known = held.of_round(seed, ids) if held else []
    done = {response.key for response in known}
    if len(done) < len(prompts) and engine.depends_on_batch:
        known, done = [], set()
    if known:
        yield known
    places = [n for n in range(len(prompts)) if str(n) not in done]
    if not places:
        return
    for part in _asked(engine, prompts, places, sampling, seed):
        if held and part:
            held.add(seed, ids, part)
        yield part


def _asked(engine, prompts, places: list[int], sampling, seed) -> Iterator[list[Response]]:
    seeds = {n: stable_seed(seed, prompts[n].record.id) for n in places}
    requests = [Request(str(n), prompts[n].text, prompts[n].pictures, seeds[n]) for n in places]
    encoded = [prompts[n].encoded for n in places]
    for part in engine.generate_batch(requests, encoded, sampling):
        for response in part:
            if response.error:
                place = prompts[int(response.key)].record.id
                raise RuntimeError(f"{place} cannot be answered: {response.error}")
        yield part


def judge(
    grader: Grader, prompts: list[Prompt], responses: list[Response], *, mode: str
) -> list[Verdict]:
    """One verdict a response (eq. 2)."""
    samples = len(responses) // len(prompts)
    rows = []
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


def reckon(
    prompts: list[Prompt],
    responses: list[Response],
    verdicts: list[Verdict],
    reward: dict,
    *,
    mode: str,
) -> Episode:
    """Format (eq. 1) and total reward (eq. 3) of every response; an unjudged one is not right."""
    shape = (len(prompts), len(responses) // max(1, len(prompts)))
    weights = {key: reward[key] for key in ("accuracy_weight", "format_weight")}
    accuracy = torch.tensor([float(bool(v.correct)) for v in verdicts]).view(shape)
    form = [format_reward(prompt_tail(mode) + response.text) for response in responses]
    form = torch.tensor(form).view(shape)
    pairs = zip(accuracy.flatten().tolist(), form.flatten().tolist())
    total = torch.tensor([combine(a, f, **weights) for a, f in pairs]).view(shape)
    reasons = [(verdict.by, verdict.reason) for verdict in verdicts]
    return Episode(prompts, responses, accuracy, form, total, reasons)


def check_judged(reasons: list[tuple[str, str]], reward: dict) -> None:
    """Fail where a verifier left out too much.

    Args:
        reasons: of every answer that was graded, of all ranks.
        reward: the recipe's section.

    Raises:
        RuntimeError: more answers stayed unjudged than the recipe allows.
    """
    unjudged = sum(by == "none" for by, _ in reasons) / max(1, len(reasons))
    allowed = reward["verifier"]["max_unjudged"] if reward["verifier"] else 0.0
    if unjudged > allowed:
        raise RuntimeError(
            f"{unjudged:.1%} of the answers unjudged; reward.verifier allows {allowed:.1%}"
        )


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
