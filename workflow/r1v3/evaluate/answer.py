"""Asks a model every question of a suite once. Questions that have an answer are not asked again.

Answers are appended to `responses/<what>.jsonl`, one line a sample, as they come (`r1v3.generate.store`). A
process that was killed and is started again asks only what has no answer yet, or is now asked differently.
Five runs are five samples of one request, each with its own random stream. Several processes may share a
suite (`R1V3_SHARD=0/4`): each asks its own part of the questions and writes its own files.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from r1v3.base.progress import Progress
from r1v3.data.records import read_records, render_question
from r1v3.evaluate.items.load import load_asked, load_benchmark
from r1v3.evaluate.items.origin import named_file
from r1v3.evaluate.items.rows import UnreadableFileError
from r1v3.evaluate.items.source import is_miniature, warn_of_count
from r1v3.evaluate.probes import probe_item, probed_pictures
from r1v3.evaluate.protocols import sampling_of_benchmark
from r1v3.evaluate.reuse import take_over
from r1v3.generate import load_engine
from r1v3.generate.server.serving import Serving
from r1v3.generate.store import Store, read_responses
from r1v3.generate.types import Engine, Request, Sampling
from r1v3.model.chat_template import renderer
from r1v3.model.prompt_template import prompt_tail
from r1v3.recipe.graph.configs import EvaluationConfig
from r1v3.recipe.graph.identity import canonical
from r1v3.recipe.outputs.stage import FORCED
from r1v3.recipe.tables.benchmarks import Benchmark
from r1v3.reward.configured import URL as VERIFIER_URL

HELD_OUT = "held_out."
Render = Callable[[str, str], str]  # renders a question in a thinking mode
Plans = dict[Sampling, list[Request]]


def answer(
    config: EvaluationConfig,
    *,
    model: Path | str,
    benchmarks: dict[str, Path],
    held_out: dict[str, Path],
    folder: Path,
    serving: Serving | None = None,
) -> dict:
    """Fill `folder/responses` with answers: benchmarks are sampled, held-out sets answered greedily.

    A benchmark that cannot be read is reported before anything is asked, and the others are still asked.

    Args:
        serving: where the answers of a paid server are kept, and what they cost.

    Returns:
        The number of samples of each benchmark or set, the number of requests of this process, and for each
        benchmark that was not asked its name and the reason.
    """
    folder = Path(folder)
    responses = folder / "responses"
    taken = [] if os.environ.get(FORCED) else take_over(config, folder)
    if taken:
        print(f"answers taken over from a suite beside: {', '.join(taken)}", flush=True)
    store = Store(responses, model_key(config), *shard())
    plans, missing = plan_answers(
        config, model=model, benchmarks=benchmarks, held_out=held_out, store=store
    )
    warn_of_missing_verifier(config, benchmarks)
    done = 0
    if plans:
        engine = load_engine(config.generation, config.images, model, serving)
        for sampling, lacking in plans.items():
            done += _ask(engine, lacking, sampling, store)
    names = [*benchmarks, *(f"{HELD_OUT}{name}" for name in held_out)]
    return {
        "samples": {name: sum(1 for _ in read_responses(responses, name)) for name in names},
        "asked": done,
        **({"missing": missing} if missing else {}),
    }


def plan_answers(
    config: EvaluationConfig,
    *,
    model: Path | str,
    benchmarks: dict[str, Path],
    held_out: dict[str, Path],
    store: Store,
) -> tuple[Plans, dict[str, str]]:
    """Find the requests that have no stored answer, grouped by their sampling.

    Returns:
        The requests, and for each benchmark that cannot be asked its name and the reason.
    """
    greedy = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=config.evaluation.max_new_tokens)
    render = renderer(config.template, model)
    plans: Plans = {}
    missing: dict[str, str] = {}
    for name, tsv in benchmarks.items():
        entry = config.entries[name]
        sampling = sampling_of_benchmark(config.evaluation, entry)
        try:
            report_items(name, entry, tsv)
            asked = list(benchmark_requests(config, render, name, entry, tsv))
        except UnreadableFileError as error:
            missing[name] = str(error)
            print(f"{name} is missing and not asked: {error}", file=sys.stderr, flush=True)
            continue
        plans.setdefault(sampling, []).extend(store.missing(asked, sampling))
    for name, data in held_out.items():
        asked = held_out_requests(config, render, name, data)
        plans.setdefault(greedy, []).extend(store.missing(asked, greedy))
    return {sampling: lacking for sampling, lacking in plans.items() if lacking}, missing


def report_items(name: str, entry: Benchmark, tsv: Path) -> None:
    """Print how many items a benchmark has, and name each row that cannot be read.

    Raises:
        UnreadableFileError: the benchmark cannot be read.
    """
    loaded = load_benchmark(entry, tsv)
    counts = "counts as wrong" if entry.unreadable.scored == "wrong" else "is left out"
    for row in loaded.unreadable:
        print(f"{name} ({named_file(tsv)}), row {row.row} {counts}: {row.reason}", file=sys.stderr)
    without = f"; {loaded.without_picture} rows without a picture left out"
    print(f"{name}: {len(loaded.items)} items{without if entry.needs_picture else ''}", flush=True)
    if not is_miniature(tsv):
        warn_of_count(name, entry, loaded.items)


def warn_of_missing_verifier(config: EvaluationConfig, benchmarks: dict[str, Path]) -> None:
    """Print, before anything is generated, that the recipe's verifier has no address."""
    verifier = config.grading.verifier
    if verifier is None or os.environ.get(VERIFIER_URL):
        return
    wanted = [name for name in benchmarks if config.entries[name].judge != "never"]
    if wanted:
        print(
            f"the recipe names the verifier {verifier.model}, and {VERIFIER_URL} is not set: when they are"
            f" scored, {', '.join(wanted)} will be judged by rules alone, which the table says",
            file=sys.stderr,
            flush=True,
        )


def benchmark_requests(
    config: EvaluationConfig, render: Render, name: str, entry: Benchmark, tsv: Path
) -> Iterator[Request]:
    """Yield a request for every question of a benchmark; its key is `<benchmark>/<question>`."""
    images = tsv.parent / "images"
    for plain, pictures in load_asked(entry, tsv, images):
        item = probe_item(plain, config.probe, entry, config.seed).item
        shown = probed_pictures(plain, item, pictures, config.probe, images)
        yield _request(config, render, f"{name}/{item.key}", item.prompt, shown, tsv.parent)


def held_out_requests(
    config: EvaluationConfig, render: Render, name: str, folder: Path
) -> Iterator[Request]:
    """Yield a request for every question of a held-out set; its key is `held_out.<set>/<id>`."""
    for record in read_records(folder):
        prompt = render_question(record.question, record.options, len(record.images))
        pictures = [folder / image for image in record.images]
        key = f"{HELD_OUT}{name}/{record.id}"
        yield _request(config, render, key, prompt, pictures, folder)


def _request(
    config: EvaluationConfig,
    render: Render,
    key: str,
    question: str,
    pictures: list[Path],
    root: Path,
) -> Request:
    if config.instruction:  # the run was trained with an instruction (section 6.6)
        question += f"\n{config.instruction}"
    digest = hashlib.sha256(f"{config.seed}/{key}".encode()).digest()
    return Request(
        key=key,
        prompt=render(question, config.generation.mode),
        images=tuple(pictures),
        seed=int.from_bytes(digest[:7], "big"),
        root=root,
    )


def model_key(config: EvaluationConfig) -> str:
    """Return the key of a model's answers: its checkpoint, and the thinking mode and tiles, which the engine
    adds to a request.
    """
    # The fourth part was once a model named by hand. Without it, answers stored before would be asked again.
    known = [config.run, config.checkpoint, config.selection, None]
    changes = config.generation.thinking
    thinking = None if changes is None else changes.model_dump(exclude_unset=True)
    return canonical({"images": config.images.model_dump(), "model": known, "thinking": thinking})


def _ask(engine: Engine, requests: list[Request], sampling: Sampling, store: Store) -> int:
    progress = Progress(len(requests) * sampling.samples, "evaluate: answer")
    store.drop_half_lines()
    for batch in engine.generate(requests, sampling):
        store.append(batch)
        progress.advance(len(batch))
    return progress.done


def judged_text(mode: str, text: str) -> str:
    """Return the text that is judged: what the template opened of the reply, and the response."""
    return prompt_tail(mode) + text


def shard() -> tuple[int, int]:
    """Return this process's part of the questions and the number of parts: `R1V3_SHARD=1/4`, else 0 of 1.

    Raises:
        ValueError: the variable is not `<part>/<parts>`.
    """
    text = os.environ.get("R1V3_SHARD", "0/1")
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise ValueError(f"R1V3_SHARD must be <part>/<parts>, such as 1/4, not {text!r}")
    return int(part), int(parts)
