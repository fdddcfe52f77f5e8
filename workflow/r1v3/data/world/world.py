"""Makes an item of a task, a form and a domain: options, wording, thought, pictures."""

import random

from r1v3.data.world.draw import draw_cells
from r1v3.data.world.item import WorldItem
from r1v3.data.world.looks import LOOKS
from r1v3.data.world.tasks import PLACES, TASKS, Puzzle, ThoughtStep

TWO_PICTURES = "<image>\n<image>\n"
FORMS = ("mcq", "mcq_multi", "fill", "open")


class World:
    """Draws items with the digit instances of one split."""

    def __init__(self, instances: str):
        self.instances = instances

    def item(
        self,
        task: str,
        form: str,
        domain: str,
        rng: random.Random,
        *,
        slip_rate: float = 0.0,
        told: bool = False,
    ) -> WorldItem:
        """Draw one item. A task that asks for several letters is `mcq_multi` in any form.

        Args:
            slip_rate: probability that the thought makes one mistake and corrects itself.
            told: whether words describe the cells and there is no picture, so that a language model learns to
                reason before it can see.

        Raises:
            ValueError: the task, form or domain is unknown.
        """
        for name, value, allowed in (
            ("task", task, TASKS),
            ("form", form, FORMS),
            ("domain", domain, LOOKS),
        ):
            if value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        look = LOOKS[domain]
        puzzle = TASKS[task](rng, look.noun)
        options, answer, form = _options(puzzle, form, rng)
        images, steps = (), puzzle.steps
        if told:
            steps = steps[len(puzzle.cells) :]
        else:
            images = tuple(draw_cells(cells, look, self.instances, rng) for cells in puzzle.cells)
        return WorldItem(
            question=_tell(puzzle, form, domain) if told else _wording(puzzle, form, domain),
            options=options,
            answer=answer,
            answer_type=form,
            images=images,
            task=task,
            domain=domain,
            difficulty=puzzle.difficulty,
            chain=_think(puzzle, steps, options, answer, rng, slip_rate),
            summary=f"\\boxed{{{answer}}}",
            meta={
                "value": puzzle.answer,
                "cells": [[str(c) for c in cells] for cells in puzzle.cells],
            },
        )


def _options(puzzle: Puzzle, form: str, rng: random.Random):
    if puzzle.letters is not None:
        return PLACES, puzzle.letters, "mcq_multi"
    if form not in ("mcq", "mcq_multi") or not puzzle.choices:
        return None, puzzle.answer, "open" if form in ("mcq", "mcq_multi") else form
    if len(puzzle.choices) <= 2:
        options = list(puzzle.choices)
    else:
        others = [choice for choice in puzzle.choices if choice != puzzle.answer]
        place = puzzle.choices.index(puzzle.answer)
        near = sorted(others, key=lambda c: abs(puzzle.choices.index(c) - place))[:6]
        options = [puzzle.answer, *rng.sample(near, 3)]
        rng.shuffle(options)
    return tuple(options), "ABCD"[options.index(puzzle.answer)], "mcq"


def _wording(puzzle: Puzzle, form: str, domain: str) -> str:
    subject = "" if domain == "plain" else domain.replace("_", " ").capitalize() + ". "
    question = puzzle.question
    if form == "fill":
        question += " Fill in: ____"
    pictures, last = question.rsplit("\n", 1) if "\n" in question else ("", question)
    return (pictures + "\n" if pictures else "") + subject + last


def _tell(puzzle: Puzzle, form: str, domain: str) -> str:
    seen = ". ".join(step.text for step in puzzle.steps[: len(puzzle.cells)])
    return f"{seen}. {_wording(puzzle, form, domain).removeprefix(TWO_PICTURES)}"


def _think(
    puzzle: Puzzle,
    steps: list[ThoughtStep],
    options,
    answer: str,
    rng: random.Random,
    slip_rate: float,
) -> str:
    slippery = [n for n, step in enumerate(steps) if step.slip]
    said: list[str] = []
    slip = rng.choice(slippery) if slippery and rng.random() < slip_rate else None
    retry = puzzle.retry and rng.random() < 0.5
    for n, step in enumerate(steps):
        if n != slip:
            said.append(step.text)
        elif retry:
            said += [step.slip, _alternatively(puzzle.retry)]
            break
        else:
            said += [step.slip, f"Wait, {step.text}"]
    if options is not None and puzzle.letters is None:
        tried = zip("ABCDEFGHIJ"[: "ABCDEFGHIJ".index(answer) + 1], options)
        said += [f"{puzzle.answer}? {letter}. {text}" for letter, text in tried]
    return ". ".join(said) + "."


def _alternatively(steps: list[ThoughtStep]) -> str:
    """Return the whole computation again, in another order."""
    return "Alternatively, " + ". ".join(step.text for step in steps)
