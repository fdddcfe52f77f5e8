"""Rejection sampling (section 2): a model answers every question, what the grader accepts is kept.

Then the filters of section 3.2 take out the overlong and the rambling, the cheap ones first. Every chain that
is not kept is listed in `set_aside.jsonl`; `questions.parquet` has each question's pass rate.
"""

import os
import shutil
from collections import Counter
from pathlib import Path

import pandas as pd

from r1v3.data.prepare import count_records
from r1v3.data.records import Record, read_records, write_records
from r1v3.data.rejected import SetAside
from r1v3.data.sampling.critics import Chain, rambles, rewards
from r1v3.data.sampling.filters import first_failure
from r1v3.data.sampling.sample import answers, sample
from r1v3.model.prompt_template import prompt_tail
from r1v3.recipe.schema.training import Verifier
from r1v3.reward.configured import open_grader

NEVER, ALWAYS = "solved too rarely", "solved too often"


def reject(document: dict, *, questions: Path, model: Path, folder: Path) -> dict:
    """Write the data set of accepted responses into `folder`; `responses/` keeps every answer.

    Returns:
        The funnel (asked, sampled, right, after each filter, kept), the pass rate, and the counts.

    Raises:
        ValueError: nothing is left, or a question that should keep its written response has none.
        UnjudgedError: the grader's verifier or a critic gave too few verdicts.
    """
    settings = document["set"]
    records, folder = read_records(questions), Path(folder)
    if settings["otherwise"] == "written" and not all(record.response for record in records):
        raise ValueError(f"{questions}: not every question has a written response to fall back on")
    sample(document, questions=questions, model=model, folder=folder)
    given = answers(document, folder)
    with SetAside(folder) as aside:
        chains = _graded(document, records, given, folder)
        rates = {record.id: _rate(chains[record.id]) for record in records}
        _filter(settings, chains, aside)
        _criticise(document, records, chains, questions, folder, aside)
        kept, funnel = _choose(document, records, chains, rates, aside)
        facts = aside.facts
    if not kept:
        raise ValueError(f"rejection sampling kept none of {funnel['sampled']} answers")
    _link_images(kept, questions, folder)
    write_records(folder, kept)
    _write_questions(folder, records, chains, rates, kept)
    return {
        "funnel": dict(funnel),
        "pass_rate": funnel["right"] / max(1, funnel["sampled"] - funnel["unjudged"]),
        "questions_kept": len({record.id for record in kept}),
        **count_records(kept),
        **facts,
    }


def _graded(document: dict, records: list[Record], given: dict, folder: Path) -> dict:
    """Every question's chains, with the grader's verdict."""
    tail = prompt_tail(document["generation"]["mode"])
    rows = [
        {
            "id": record.id,
            "question": record.question,
            "options": record.options,
            "gold": record.answer,
            "type": record.answer_type,
            "response": tail + answer["text"],
        }
        for record in records
        for answer in given[record.id]
    ]
    named = document["grading"]["verifier"]
    verifier = Verifier.model_validate(named) if named else None
    with open_grader(verifier, folder / "judge", limit_unjudged=True) as grader:
        verdicts = iter(grader.grade_many(rows))
    chains: dict[str, list[dict]] = {}
    for record in records:
        for answer in given[record.id]:
            verdict = next(verdicts)
            chains.setdefault(record.id, []).append(
                {
                    "sample": answer["run"],
                    "response": tail + answer["text"],
                    "tokens": answer["tokens"],
                    "right": verdict.correct is True,
                    "unjudged": verdict.correct is None,
                    "said": verdict.extracted,
                    "failure": None,
                }
            )
    return chains


def _rate(chains: list[dict]) -> float | None:
    """The share of right answers among a question's judged ones; None where none was judged."""
    judged = [chain["right"] for chain in chains if not chain["unjudged"]]
    return sum(judged) / len(judged) if judged else None


def _set_aside(aside: SetAside, id: str, chain: dict, step: str, reason: str, detail: object):
    chain["failure"] = step
    where = f"{id}, sample {chain['sample']}"
    aside.add(step, reason, where=where, id=id, detail=detail, response=chain["response"])


def _filter(settings: dict, chains: dict, aside: SetAside) -> None:
    """The grader's verdict and the filters on the text alone."""
    for id, each in chains.items():
        for chain in each:
            if chain["unjudged"]:
                _set_aside(aside, id, chain, "unjudged", "verifier gave no verdict", chain["said"])
                continue
            if not chain["right"]:
                _set_aside(aside, id, chain, "wrong", "answer is wrong", f"said {chain['said']}")
                continue
            failure = first_failure(chain["response"], chain["tokens"], settings["filters"])
            if failure:
                _set_aside(aside, id, chain, failure.step, failure.step, failure.detail)


def _criticise(document: dict, records, chains: dict, questions: Path, folder, aside) -> None:
    """The judge and the reward model, on what the filters left."""
    filters, images = document["set"]["filters"], document["images"]

    def left() -> dict[str, tuple[str, dict, Chain]]:
        return {
            f"{record.id}#{chain['sample']}": (
                record.id,
                chain,
                Chain(f"{record.id}#{chain['sample']}", record, chain["response"], questions),
            )
            for record in records
            for chain in chains[record.id]
            if chain["failure"] is None
        }

    if filters["judge"] is not None:
        waiting = left()
        told = rambles(
            [c for _, _, c in waiting.values()], filters["judge"], images, folder / "critics"
        )
        for key, (id, chain, _) in waiting.items():
            if key not in told:
                _set_aside(aside, id, chain, "unjudged", "judge gave no verdict", None)
            elif told[key]:
                _set_aside(aside, id, chain, "judged rambling", "judge", filters["judge"]["model"])
    if filters["reward_model"] is not None:
        waiting, least = left(), filters["reward_model"]["least"]
        chained = [c for _, _, c in waiting.values()]
        told = rewards(chained, filters["reward_model"], images, folder / "critics")
        for key, (id, chain, _) in waiting.items():
            if key not in told:
                _set_aside(aside, id, chain, "unjudged", "reward model gave no number", None)
            elif told[key] < least:
                _set_aside(aside, id, chain, "low reward", "reward model", f"{told[key]}")
            else:
                chain["reward"] = told[key]


def _choose(document: dict, records, chains: dict, rates: dict, aside: SetAside) -> tuple:
    """Each question's responses by the recipe's rule, and where all chains went."""
    settings = document["set"]
    funnel: Counter[str] = Counter(asked=len(records))
    funnel["sampled"] = sum(len(each) for each in chains.values())
    funnel["right"] = sum(chain["right"] for each in chains.values() for chain in each)
    unjudged = sum(chain["unjudged"] for each in chains.values() for chain in each)
    if unjudged:
        funnel["unjudged"] = unjudged
    order = {
        "first": lambda chain: chain["sample"],
        "shortest": lambda chain: chain["tokens"],
        "best": lambda chain: -chain["reward"],
    }[settings["keep"]]
    low, high = settings["pass_rates"] or (0.0, 1.0)
    kept: list[Record] = []
    for record in records:
        for chain in chains[record.id]:
            if chain["right"] and chain["failure"]:
                funnel[f"removed: {chain['failure']}"] += 1
        passed = sorted((c for c in chains[record.id] if c["failure"] is None), key=order)
        rate = rates[record.id]
        if rate is None and settings["pass_rates"]:
            funnel["dropped: unjudged"] += 1
            continue
        if rate is not None and not low <= rate <= high:
            reason = NEVER if rate < low else ALWAYS
            funnel[f"dropped: {reason}"] += 1
            for chain in passed:
                _set_aside(aside, record.id, chain, reason, reason, f"in {rate:.0%} of samples")
            continue
        for place, chain in enumerate(passed):
            if place >= settings["keep_per_question"]:
                detail = f"{settings['keep']} {settings['keep_per_question']} kept"
                _set_aside(aside, record.id, chain, "surplus", "another is kept", detail)
                continue
            more = {"reward": chain["reward"]} if "reward" in chain else {}
            kept.append(
                record.with_response(
                    chain["response"], by=document["by"]["run"], pass_rate=rate, **more
                )
            )
        if not passed and settings["otherwise"] == "written":
            funnel["written"] += 1
            kept.append(record)
    funnel["kept"] = len(kept)
    return kept, funnel


def _write_questions(folder: Path, records, chains: dict, rates: dict, kept: list[Record]) -> None:
    taken = Counter(record.id for record in kept)
    rows = [
        {
            "id": record.id,
            "domain": record.domain,
            "difficulty": record.difficulty,
            "samples": len(chains[record.id]),
            "right": sum(chain["right"] for chain in chains[record.id]),
            "pass_rate": rates[record.id],
            "kept": taken[record.id],
        }
        for record in records
    ]
    pd.DataFrame(rows).to_parquet(folder / "questions.parquet", index=False)


def _link_images(records: list[Record], source: Path, folder: Path) -> None:
    """The kept questions' pictures, linked where the file system can."""
    for image in sorted({image for record in records for image in record.images}):
        target = folder / image
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(Path(source) / image, target)
        except OSError:
            shutil.copyfile(Path(source) / image, target)
