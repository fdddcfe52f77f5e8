"""Rejection sampling (section 2): a model answers every question, what the grader accepts is kept.

Then the filters of section 3.2 take out the overlong and the rambling. Answers are appended to a shard
as they come, so a killed job asks only for what is missing.
"""

import json
from collections import Counter
from pathlib import Path

from r1v3.data.filters import first_failure
from r1v3.data.prepare import count_records
from r1v3.data.records import Record, read_records, render_question, write_records
from r1v3.generate import Request, Sampling, load_engine
from r1v3.generate.template import prompt_tail, render_prompt
from r1v3.progress import Progress
from r1v3.reward import format_reward
from r1v3.reward.configured import open_grader
from r1v3.train.rollouts import stable_seed


def reject(document: dict, *, questions: Path, model: Path, folder: Path) -> dict:
    """Write the data set of accepted responses into `folder`; `sampled.jsonl` keeps every answer.

    Returns:
        The funnel (asked, sampled, right, after each filter, kept), the pass rate, and the counts.

    Raises:
        ValueError: nothing is left, or a question that should keep its written response has none.
    """
    settings, mode = document["set"], document["generation"]["mode"]
    records, folder = read_records(questions), Path(folder)
    if settings["otherwise"] == "written" and not all(record.response for record in records):
        raise ValueError(f"{questions}: not every question has a written response to fall back on")
    answers = folder / "sampled.jsonl"
    _ask(document, records, questions, model, answers)
    by_question: dict[str, list[dict]] = {}
    for line in answers.read_text().splitlines():
        row = json.loads(line)
        by_question.setdefault(row["key"], []).append(row)
    funnel: Counter[str] = Counter(asked=len(records))
    kept: list[Record] = []
    with open_grader(document["grading"], folder / "judge") as grader:
        rows = [
            {
                "id": record.id,
                "question": record.question,
                "options": record.options,
                "gold": record.answer,
                "type": record.answer_type,
                "response": prompt_tail(mode) + answer["text"],
            }
            for record in records
            for answer in by_question[record.id]
        ]
        verdicts = iter(grader.grade_many(rows))
    for record in records:
        passed, rejected = [], 0
        for answer in by_question[record.id]:
            funnel["sampled"] += 1
            response = prompt_tail(mode) + answer["text"]
            if not next(verdicts).correct:
                rejected += 1
                continue
            funnel["right"] += 1
            failure = first_failure(response, answer["tokens"], settings["filters"])
            if not failure and not format_reward(response):
                failure = "format"
            if failure:
                funnel[f"removed: {failure}"] += 1
            else:
                passed.append(answer)
        if settings["keep"] == "shortest":
            passed.sort(key=lambda answer: answer["tokens"])
        rate = 1 - rejected / len(by_question[record.id])
        for answer in passed[: settings["keep_per_question"]]:
            kept.append(
                record.with_response(
                    prompt_tail(mode) + answer["text"], by=document["by"]["run"], pass_rate=rate
                )
            )
        if not passed and settings["otherwise"] == "written":
            funnel["written"] += 1
            kept.append(record)
    if not kept:
        raise ValueError(f"rejection sampling kept none of {funnel['sampled']} answers")
    _link_images(kept, questions, folder)
    write_records(folder, kept)
    funnel["kept"] = len(kept)
    asked_well = len({record.id for record in kept})
    return {
        "funnel": dict(funnel),
        "pass_rate": funnel["right"] / funnel["sampled"],
        "questions_kept": asked_well,
        **count_records(kept),
    }


def _ask(document: dict, records, questions: Path, model: Path, answers: Path) -> None:
    """Append answers until every question has all its samples."""
    settings, mode = document["set"], document["generation"]["mode"]
    answered = Counter()
    whole = []
    if answers.exists():
        for line in answers.read_text().splitlines():
            try:
                whole.append(json.loads(line))
            except json.JSONDecodeError:
                break
        answered.update(row["key"] for row in whole)
        whole = [row for row in whole if answered[row["key"]] == settings["samples"]]
        answers.write_text("".join(json.dumps(row) + "\n" for row in whole))
    done = {row["key"] for row in whole}
    missing = [record for record in records if record.id not in done]
    progress = Progress(len(records), f"reject {document.get('name', '')}: question")
    progress.resume(len(done))
    if not missing:
        return
    engine = load_engine(document["generation"], document["images"], model)
    requests = [
        Request(
            record.id,
            render_prompt(
                document["template"],
                render_question(record.question, record.options, len(record.images)),
                mode,
            ),
            tuple(Path(questions) / image for image in record.images),
            stable_seed(settings["seed"], record.id),
        )
        for record in missing
    ]
    sampling = Sampling(
        settings["temperature"], settings["top_p"], settings["max_new_tokens"], settings["samples"]
    )
    with answers.open("a") as file:
        for batch in engine.generate(requests, sampling):
            for answer in batch:
                row = {"key": answer.key, "text": answer.text, "tokens": len(answer.token_ids)}
                file.write(json.dumps(row | {"finish": answer.finish_reason}) + "\n")
            file.flush()
            progress.advance(len({answer.key for answer in batch}))


def _link_images(records: list[Record], source: Path, folder: Path) -> None:
    """The kept questions' pictures, linked where the file system can."""
    import os
    import shutil

    for image in sorted({image for record in records for image in record.images}):
        target = folder / image
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(Path(source) / image, target)
        except OSError:
            shutil.copyfile(Path(source) / image, target)
