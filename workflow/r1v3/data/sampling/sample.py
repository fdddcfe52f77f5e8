"""Samples several answers of a model to every question of a set. Answered questions are not asked again.

Answers are appended to shards in `responses/` as they arrive (`r1v3.generate.store`). Several jobs may share
a set, and each asks its own part of the questions.
"""

from collections.abc import Callable
from pathlib import Path

from r1v3.base.progress import Progress
from r1v3.base.seeding import stable_seed
from r1v3.data.records import Record, iter_records, render_question
from r1v3.generate import Request, Sampling, load_engine
from r1v3.generate.store import Store, read_responses
from r1v3.model.chat_template import renderer
from r1v3.recipe.graph.configs import SampledDataConfig
from r1v3.recipe.graph.identity import canonical
from r1v3.recipe.schema.data import SampledSet

SHARD = "sampled"


def sample(
    config: SampledDataConfig,
    *,
    questions: Path,
    model: Path,
    folder: Path,
    part: int = 0,
    parts: int = 1,
) -> int:
    """Sample the missing answers of part `part` of `parts`; return the number of new answers.

    Args:
        folder: folder of the sampled set, with shards in its `responses/`.
    """
    store = Store(folder / "responses", _model_of(config), part, parts)
    sampling = sampling_of_set(config.set)
    render = renderer(config.template, model)
    asked = [
        request_of(config, record, questions, render)
        for record in iter_records(questions)
        if is_asked(config.set, record)
    ]
    missing = list(store.missing(asked, sampling))
    if not missing:
        return 0
    engine = load_engine(config.generation, config.images, model)
    store.drop_half_lines()
    progress = Progress(len(missing), f"reject {config.name}: question")
    count = 0
    for batch in engine.generate(missing, sampling):
        store.append(batch)
        count += len(batch)
        progress.advance(len({answer.key for answer in batch}))
    return count


def answers(config: SampledDataConfig, folder: Path) -> dict[str, list[dict]]:
    """Return the stored answers of each question, in the order of their samples."""
    found: dict[str, list[dict]] = {}
    for row in read_responses(folder / "responses", SHARD):
        if row["run"] < config.set.samples:
            found.setdefault(row["key"].partition("/")[2], []).append(row)
    return {key: sorted(rows, key=lambda row: row["run"]) for key, rows in found.items()}


def is_asked(settings: SampledSet, record: Record) -> bool:
    """Return whether the model is asked. A question that came with a response may keep that response."""
    return settings.ask == "all" or not record.response


def sampling_of_set(settings: SampledSet) -> Sampling:
    """Return the sampling settings of the recipe's set."""
    return Sampling(settings.temperature, settings.top_p, settings.max_new_tokens, settings.samples)


def request_of(
    config: SampledDataConfig, record: Record, questions: Path, render: Callable[[str, str], str]
) -> Request:
    """Return the request for a record. Its random seed depends on the record."""
    question = render_question(record.question, record.options, len(record.images))
    return Request(
        f"{SHARD}/{record.id}",
        render(question, config.generation.mode),
        tuple(Path(questions) / image for image in record.images),
        stable_seed(config.set.seed, record.id),
        root=Path(questions),
    )


def _model_of(config: SampledDataConfig) -> str:
    return canonical({"by": config.by.model_dump(), "images": config.images.model_dump()})
