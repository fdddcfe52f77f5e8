"""Data preparation (section 2): a source becomes records and pictures."""

import random
from collections import Counter
from pathlib import Path

from r1v3.data.records import Record, store_image, write_records
from r1v3.data.world import World
from r1v3.progress import Progress


def prepare(document: dict, folder: Path) -> dict:
    """Write a data set of the recipe into `folder`.

    Returns:
        What is in it: counts by domain, answer type, difficulty and task.

    Raises:
        ValueError: the source is of an unknown kind.
    """
    spec = document["set"]
    source = spec["source"]
    if source["kind"] == "world":
        records = world_records(source, spec["size"], folder, name=document.get("name", "world"))
    else:
        from r1v3.data.files import file_records

        records = file_records(source, spec["size"], folder)
    write_records(folder, records)
    return count_records(records)


def count_records(records: list[Record]) -> dict:
    """How many records there are, in all and by what they are."""
    by = {
        "domain": Counter(r.domain for r in records),
        "answer_type": Counter(r.answer_type for r in records),
        "difficulty": Counter(r.difficulty for r in records),
        "task": Counter(r.meta.get("task", "") for r in records),
    }
    counts = {key: dict(sorted(counter.items())) for key, counter in by.items()}
    return {
        "records": len(records),
        "images": len({i for r in records for i in r.images}),
        **counts,
    }


def world_records(source: dict, size: int, folder: Path, *, name: str) -> list[Record]:
    """Draw `size` records of the tiny world; tasks, forms and domains by their weights."""
    rng = random.Random(f"{source['seed']}/{source['instances']}/{name}")
    world = World(source["instances"])
    tasks, task_weights = zip(*source["tasks"].items())
    forms, form_weights = zip(*source["forms"].items())
    domains, domain_weights = zip(*source["domains"].items())
    records, progress = [], Progress(size, f"prepare {name}: record")
    for number in range(size):
        domain = rng.choices(domains, domain_weights)[0]
        task = rng.choices(tasks, task_weights)[0]
        form = rng.choices(forms, form_weights)[0]
        slip_rate = source["slip_rate"] if source["respond"] == "slips" else 0.0
        told = rng.random() < source["told"] and task != "describe"
        item = world.item(task, form, domain, rng, slip_rate=slip_rate, told=told)
        records.append(
            Record(
                id=f"{name}-{number:06d}",
                question=item.question,
                options=item.options,
                answer=item.answer,
                answer_type=item.answer_type,
                images=tuple(store_image(folder, image) for image in item.images),
                domain=domain,
                difficulty=item.difficulty,
                language="en",
                source="world",
                licence="CC0-1.0",
                split=source["instances"],
                response=_respond(item, source["respond"]),
                meta={"task": task, "thought": item.chain, **item.meta},
            )
        )
        progress.advance()
    return records


def _respond(item, how: str) -> str | None:
    if how == "none":
        return None
    return item.direct if how == "direct" else item.thoughtful
