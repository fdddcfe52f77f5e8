"""Rejection sampling (section 2): a model answers every question, and accepted answers are kept.

Then the filters of section 3.2 reject chains that are too long or ramble; cheap filters come first.
`rejected.jsonl` lists every chain that is not kept. `questions.parquet` contains each question's pass rate.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from r1v3.data.prepare import count_records
from r1v3.data.records import Record, read_records, write_records
from r1v3.data.rejected import Rejections
from r1v3.data.sampling.critics import Chain, rambles, rewards
from r1v3.data.sampling.filters import first_failure
from r1v3.data.sampling.sample import answers, is_asked, sample
from r1v3.model.chat_template import with_think_tags
from r1v3.model.prompt_template import prompt_tail
from r1v3.recipe.graph.configs import SampledDataConfig
from r1v3.recipe.schema.data import Filters
from r1v3.reward.configured import open_grader

NEVER, ALWAYS = "solved too rarely", "solved too often"


@dataclass
class Answer:
    """One sampled response and the facts known about it.

    Without a verdict of the verifier, `right` is False and `unjudged` is True. `failure` is the step that
    rejected the response, and `reward` the reward model's score. Both are None until then.
    """

    sample: int
    response: str
    tokens: int
    right: bool
    unjudged: bool
    extracted: str | None
    failure: str | None = None
    reward: float | None = None


Answers = dict[str, list[Answer]]  # by question


def reject(config: SampledDataConfig, *, questions: Path, model: Path, folder: Path) -> dict:
    """Write the data set of accepted responses into `folder`; store every answer in `responses/`.

    Returns:
        The funnel (asked, sampled, right, after each filter, kept), the pass rate, and the counts.

    Raises:
        ValueError: nothing is left, or a question that should keep its written response has none.
        UnjudgedError: the grader's verifier gave too few verdicts.
        UnjudgedChainsError: a critic gave too few verdicts.
    """
    records, folder = read_records(questions), Path(folder)
    came = [record for record in records if not is_asked(config.set, record)]
    records = [record for record in records if is_asked(config.set, record)]
    if config.set.otherwise == "written" and not all(record.response for record in records):
        raise ValueError(f"{questions}: not every question has a written response to fall back on")
    sample(config, questions=questions, model=model, folder=folder)
    with Rejections(folder) as rejected:
        found = _graded(config, records, folder)
        rates = {record.id: _pass_rate(found[record.id]) for record in records}
        _filter(config.set.filters, found, rejected)
        _criticise(config, records, found, questions, folder, rejected)
        kept, funnel = _choose(config, records, found, rates, rejected)
        if came:
            funnel["came with a response"] = len(came)
            kept = [*came, *kept]
            funnel["kept"] = len(kept)
        facts = rejected.facts
    if not kept:
        raise ValueError(f"rejection sampling kept none of {funnel['sampled']} answers")
    _link_images(kept, questions, folder)
    write_records(folder, kept)
    _write_questions(folder, records, found, rates, kept)
    return {
        "funnel": dict(funnel),
        "pass_rate": funnel["right"] / max(1, funnel["sampled"] - funnel["unjudged"]),
        "questions_kept": len({record.id for record in kept}),
        **count_records(kept),
        **facts,
    }


def _graded(config: SampledDataConfig, records: list[Record], folder: Path) -> Answers:
    """Return each question's answers with the grader's verdicts."""
    given = answers(config, folder)
    tail = prompt_tail(config.generation.mode)

    def reply(answer: dict) -> str:
        return tail + with_think_tags(config.template, answer["text"])

    rows = [
        {
            "id": record.id,
            "question": record.question,
            "options": record.options,
            "gold": record.answer,
            "type": record.answer_type,
            "response": reply(answer),
        }
        for record in records
        for answer in given[record.id]
    ]
    verifier = config.grading.verifier
    with open_grader(verifier, folder / "judge", limit_unjudged=True) as grader:
        verdicts = iter(grader.grade_many(rows))
    found: Answers = {}
    for record in records:
        for answer in given[record.id]:
            verdict = next(verdicts)
            found.setdefault(record.id, []).append(
                Answer(
                    sample=answer["run"],
                    response=reply(answer),
                    tokens=answer["tokens"],
                    right=verdict.correct is True,
                    unjudged=verdict.correct is None,
                    extracted=verdict.extracted,
                )
            )
    return found


def _pass_rate(asked: list[Answer]) -> float | None:
    """Return the share of correct answers among a question's judged ones; None if none was judged."""
    judged = [answer.right for answer in asked if not answer.unjudged]
    return sum(judged) / len(judged) if judged else None


def _reject(
    rejected: Rejections, id: str, answer: Answer, step: str, reason: str, detail: str | None
) -> None:
    answer.failure = step
    where = f"{id}, sample {answer.sample}"
    rejected.add(step, reason, where=where, id=id, detail=detail, response=answer.response)


def _filter(filters: Filters, found: Answers, rejected: Rejections) -> None:
    """Apply the grader's verdict, and the filters that use only the text."""
    for id, each in found.items():
        for answer in each:
            said = answer.extracted
            if answer.unjudged:
                _reject(rejected, id, answer, "unjudged", "verifier gave no verdict", said)
            elif not answer.right:
                _reject(rejected, id, answer, "wrong", "answer is wrong", f"said {said}")
            elif failure := first_failure(answer.response, answer.tokens, filters):
                _reject(rejected, id, answer, failure.step, failure.step, failure.detail)


def _criticise(
    config: SampledDataConfig,
    records: list[Record],
    found: Answers,
    questions: Path,
    folder: Path,
    rejected: Rejections,
) -> None:
    """Apply the judge and the reward model to the chains that passed the filters."""
    filters, images = config.set.filters, config.images

    def left() -> list[tuple[Answer, Chain]]:
        return [
            (answer, Chain(f"{record.id}#{answer.sample}", record, answer.response, questions))
            for record in records
            for answer in found[record.id]
            if answer.failure is None
        ]

    if filters.judge is not None:
        waiting = left()
        verdicts = rambles([c for _, c in waiting], filters.judge, images, folder / "critics")
        for answer, chain in waiting:
            id = chain.record.id
            if chain.key not in verdicts:
                _reject(rejected, id, answer, "unjudged", "judge gave no verdict", None)
            elif verdicts[chain.key]:
                _reject(rejected, id, answer, "judged rambling", "judge", filters.judge.model)
    if filters.reward_model is not None:
        waiting = left()
        given = rewards([c for _, c in waiting], filters.reward_model, images, folder / "critics")
        for answer, chain in waiting:
            id = chain.record.id
            if chain.key not in given:
                _reject(rejected, id, answer, "unjudged", "reward model gave no number", None)
            elif given[chain.key] < filters.reward_model.least:
                detail = f"{given[chain.key]}"
                _reject(rejected, id, answer, "low reward", "reward model", detail)
            else:
                answer.reward = given[chain.key]


ORDERS: dict[str, Callable[[Answer], float]] = {
    "first": lambda answer: answer.sample,
    "shortest": lambda answer: answer.tokens,
    "best": lambda answer: -(answer.reward or 0.0),
}


def _choose(
    config: SampledDataConfig,
    records: list[Record],
    found: Answers,
    rates: dict[str, float | None],
    rejected: Rejections,
) -> tuple[list[Record], Counter[str]]:
    """Choose each question's responses by the recipe's rule, and count the outcomes of all answers."""
    settings = config.set
    funnel: Counter[str] = Counter(asked=len(records))
    funnel["sampled"] = sum(len(each) for each in found.values())
    funnel["right"] = sum(answer.right for each in found.values() for answer in each)
    unjudged = sum(answer.unjudged for each in found.values() for answer in each)
    if unjudged:
        funnel["unjudged"] = unjudged
    low, high = settings.pass_rates or (0.0, 1.0)
    kept: list[Record] = []
    for record in records:
        for answer in found[record.id]:
            if answer.right and answer.failure:
                funnel[f"removed: {answer.failure}"] += 1
        passed = [answer for answer in found[record.id] if answer.failure is None]
        passed.sort(key=ORDERS[settings.keep])
        rate = rates[record.id]
        if rate is None and settings.pass_rates:
            funnel["dropped: unjudged"] += 1
            continue
        if rate is not None and not low <= rate <= high:
            reason = NEVER if rate < low else ALWAYS
            funnel[f"dropped: {reason}"] += 1
            for answer in passed:
                _reject(rejected, record.id, answer, reason, reason, f"in {rate:.0%} of samples")
            continue
        for place, answer in enumerate(passed):
            if place >= settings.keep_per_question:
                detail = f"{settings.keep} {settings.keep_per_question} kept"
                _reject(rejected, record.id, answer, "surplus", "another is kept", detail)
                continue
            more = {} if answer.reward is None else {"reward": answer.reward}
            kept.append(
                record.with_response(answer.response, by=config.by.run, pass_rate=rate, **more)
            )
        if not passed and settings.otherwise == "written":
            funnel["written"] += 1
            kept.append(record)
        elif not passed and settings.otherwise == "question" and rate is not None:
            funnel["question alone"] += 1
            meta = {**record.meta, "pass_rate": rate}
            kept.append(replace(record, response=None, meta=meta))
    funnel["kept"] = len(kept)
    return kept, funnel


def _write_questions(
    folder: Path,
    records: list[Record],
    found: Answers,
    rates: dict[str, float | None],
    kept: list[Record],
) -> None:
    taken = Counter(record.id for record in kept)
    rows = [
        {
            "id": record.id,
            "domain": record.domain,
            "difficulty": record.difficulty,
            "samples": len(found[record.id]),
            "right": sum(answer.right for answer in found[record.id]),
            "pass_rate": rates[record.id],
            "kept": taken[record.id],
        }
        for record in records
    ]
    pd.DataFrame(rows).to_parquet(folder / "questions.parquet", index=False)


def _link_images(records: list[Record], source: Path, folder: Path) -> None:
    """Link the kept questions' pictures, or copy them if the file system cannot link."""
    for image in sorted({image for record in records for image in record.images}):
        target = folder / image
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(Path(source) / image, target)
        except OSError:
            shutil.copyfile(Path(source) / image, target)
