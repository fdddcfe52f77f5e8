"""Ask a model every question of a suite, once: what is answered already is not asked again.

Answers are appended to `responses/<what>.jsonl`, a line a sample, as they come. A process that was
killed leaves at most half a line, which is dropped; started again it asks only for what is missing.
Five runs are five samples of one request, each with its own random stream. Several processes may share
a suite (`R1V3_SHARD=0/4`): each asks its own part of the questions and writes its own files.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from r1v3.data.records import read_records, render_question
from r1v3.evaluate.load import load_asked
from r1v3.evaluate.protocols import sampling_of
from r1v3.evaluate.reuse import take_over
from r1v3.evaluate.source import entry_beside
from r1v3.evaluate.table import Benchmark
from r1v3.generate import load_engine
from r1v3.generate.template import prompt_tail, render_prompt
from r1v3.generate.types import Request, Sampling
from r1v3.progress import Progress

HELD_OUT = "held_out."


def answer(
    document: dict,
    *,
    model: Path,
    benchmarks: dict[str, Path],
    held_out: dict[str, Path],
    folder: Path,
) -> dict:
    """Fill `folder/responses` with answers; benchmarks are sampled, held-out sets answered greedily.

    Returns:
        How many samples there are of each benchmark or set, and how many this process asked for.
    """
    settings = document["evaluation"]
    folder = Path(folder)
    responses = folder / "responses"
    taken = take_over(document, document.get("benchmarks", {}), folder)
    if taken:
        print(f"answers taken over from a suite beside: {', '.join(taken)}", flush=True)
    greedy = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=settings["max_new_tokens"])
    plans: dict[Sampling, list[Request]] = {}
    for name, tsv in benchmarks.items():
        entry = entry_beside(tsv)
        sampling = sampling_of(settings, entry)
        asked = benchmark_requests(document, name, entry, tsv)
        plans.setdefault(sampling, []).extend(_missing(asked, responses, sampling.samples))
    for name, data in held_out.items():
        asked = held_out_requests(document, name, data)
        plans.setdefault(greedy, []).extend(_missing(asked, responses, 1))
    plans = {sampling: missing for sampling, missing in plans.items() if missing}
    done = 0
    if plans:
        engine = load_engine(document["generation"], document["images"], model)
        for sampling, missing in plans.items():
            done += _ask(engine, missing, sampling, responses)
    names = [*benchmarks, *(f"{HELD_OUT}{name}" for name in held_out)]
    return {
        "samples": {name: sum(1 for _ in read_responses(responses, name)) for name in names},
        "asked": done,
    }


def benchmark_requests(document: dict, name: str, entry: Benchmark, tsv: Path) -> Iterator[Request]:
    """Every question of a benchmark; a key reads `<benchmark>/<question>`."""
    for item, pictures in load_asked(entry, tsv, tsv.parent / "images"):
        yield _request(document, f"{name}/{item.key}", item.prompt, pictures)


def held_out_requests(document: dict, name: str, folder: Path) -> Iterator[Request]:
    """Every question of a held-out set; a key reads `held_out.<set>/<id>`."""
    for record in read_records(folder):
        prompt = render_question(record.question, record.options, len(record.images))
        pictures = [folder / image for image in record.images]
        yield _request(document, f"{HELD_OUT}{name}/{record.id}", prompt, pictures)


def _request(document: dict, key: str, prompt: str, pictures: list[Path]) -> Request:
    digest = hashlib.sha256(f"{document['seed']}/{key}".encode()).digest()
    return Request(
        key=key,
        prompt=render_prompt(document["template"], prompt, document["generation"]["mode"]),
        images=tuple(pictures),
        seed=int.from_bytes(digest[:7], "big"),
    )


def _missing(requests: Iterable[Request], responses: Path, samples: int) -> Iterator[Request]:
    """The requests of this process's share that lack one of their samples."""
    part, parts = shard()
    answered: Counter[str] | None = None
    for number, request in enumerate(requests):
        if answered is None:
            name = request.key.partition("/")[0]
            answered = Counter(row["key"] for row in read_responses(responses, name))
        if number % parts == part and answered[request.key] < samples:
            yield request


def _ask(engine, requests: list[Request], sampling: Sampling, responses: Path) -> int:
    responses.mkdir(parents=True, exist_ok=True)
    part, parts = shard()
    progress = Progress(len(requests) * sampling.samples, "evaluate: answer")
    for path in responses.glob(f"*.{part}-of-{parts}.jsonl"):
        _drop_half_line(path)
    for batch in engine.generate(requests, sampling):
        lines: dict[str, list[str]] = {}
        for response in batch:
            row = {
                "key": response.key,
                "run": response.sample,
                "text": response.text,
                "finish_reason": response.finish_reason,
                "tokens": len(response.token_ids),
                "prompt_tokens": response.prompt_tokens,
            }
            name = response.key.partition("/")[0]
            lines.setdefault(name, []).append(json.dumps(row, ensure_ascii=False))
        for name, rows in lines.items():
            with open(responses / f"{name}.{part}-of-{parts}.jsonl", "a", encoding="utf-8") as file:
                file.write("\n".join(rows) + "\n")
        progress.advance(len(batch))
    return progress.done


def read_responses(responses: Path, name: str) -> Iterator[dict]:
    """The stored samples of a benchmark or set, each (key, run) once, half a line left out."""
    seen: set[tuple[str, int]] = set()
    for path in sorted(responses.glob(f"{name}.*-of-*.jsonl")):
        with open(path, "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    continue
                row = json.loads(line)
                if (row["key"], row["run"]) not in seen:
                    seen.add((row["key"], row["run"]))
                    yield row


def judged_text(mode: str, text: str) -> str:
    """What is judged: what the template opened of the reply, and the response."""
    return prompt_tail(mode) + text


def shard() -> tuple[int, int]:
    """This process's part of the questions and the number of parts: `R1V3_SHARD=1/4`, else 0 of 1.

    Raises:
        ValueError: the variable is not `<part>/<parts>`.
    """
    text = os.environ.get("R1V3_SHARD", "0/1")
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise ValueError(f"R1V3_SHARD must be <part>/<parts>, such as 1/4, not {text!r}")
    return int(part), int(parts)


def _drop_half_line(path: Path) -> None:
    data = path.read_bytes() if path.stat().st_size < 1 << 20 else None
    if data is None:
        with open(path, "rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) == b"\n":
                return
        data = path.read_bytes()
    if data and not data.endswith(b"\n"):
        with open(path, "rb+") as file:
            file.truncate(data.rfind(b"\n") + 1)
