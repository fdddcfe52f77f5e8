"""Rows of the tiny world, in the form of any other source."""

import random
from collections.abc import Iterator

from r1v3.data.records import png_bytes, render_question
from r1v3.data.world.instructions import instruct
from r1v3.data.world.item import WorldItem
from r1v3.data.world.world import World
from r1v3.recipe.schema.data import WorldSource


def world_rows(source: WorldSource, size: int, *, name: str) -> Iterator[dict]:
    """Draw `size` rows, with tasks, forms and domains by their weights."""
    rng = random.Random(f"{source.seed}/{source.instances}/{name}")
    world = World(source.instances)
    tasks, task_weights = zip(*source.tasks.items())
    forms, form_weights = zip(*source.forms.items())
    domains, domain_weights = zip(*source.domains.items())
    for number in range(size):
        domain = rng.choices(domains, domain_weights)[0]
        task = rng.choices(tasks, task_weights)[0]
        form = rng.choices(forms, form_weights)[0]
        slip_rate = source.slip_rate if source.respond == "slips" else 0.0
        told = rng.random() < source.told and task != "describe"
        item = world.item(task, form, domain, rng, slip_rate=slip_rate, told=told)
        question, options, answer_type = item.question, item.options, item.answer_type
        if (
            source.respond == "instructed"
        ):  # the instruction stands last, as in section 6.6's prompt
            instruction, response = instruct(item, rng)
            asked = render_question(question, options, len(item.images))
            question, options, answer_type = f"{asked}\n{instruction}", None, "open"
        else:
            response = _respond(item, source.respond)
        yield {
            "id": f"{name}-{number:06d}",
            "question": question,
            "options": options,
            "answer": item.answer,
            "answer_type": answer_type,
            "images": [png_bytes(image) for image in item.images],
            "domain": domain,
            "difficulty": item.difficulty,
            "language": "en",
            "source": "world",
            "licence": "CC0-1.0",
            "split": source.instances,
            "response": response,
            "meta": {"task": task, "thought": item.chain, **item.meta},
        }


def _respond(item: WorldItem, how: str) -> str | None:
    if how == "none":
        return None
    return item.direct if how == "direct" else item.thoughtful
