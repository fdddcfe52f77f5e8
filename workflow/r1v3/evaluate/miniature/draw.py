"""Draws questions of the tiny world for a miniature from test instances, and writes them as a TSV's cells."""

import base64
import io
import random

from PIL import Image

from r1v3.data.records import LETTERS
from r1v3.data.world import LOOKS, World, WorldItem
from r1v3.data.world.tasks import HALVES, PLACES


class Drawer:
    """Draws the items of one miniature. The same seed and name give the same file."""

    def __init__(self, name: str, domains: list[str], tasks: list[str], seed: int):
        self.rng = random.Random(f"{seed}/{name}")
        self.world = World("test")
        self.domains, self.tasks = domains, tasks
        self.drawn = 0

    def item(self, form: str, *, task: str | None = None, domain: str | None = None) -> WorldItem:
        """Return the next question; tasks and domains take turns unless one is given."""
        task = task or self.tasks[self.drawn % len(self.tasks)]
        domain = domain or self.domains[self.drawn % len(self.domains)]
        self.drawn += 1
        return self.world.item(task, form, domain, self.rng)

    def options(self, value: int, count: int) -> tuple[list[str], str]:
        """Return `count` different numbers near `value`, including it, and its letter."""
        low = max(0, value - self.rng.randrange(count))
        numbers = [str(low + n) for n in range(count)]
        self.rng.shuffle(numbers)
        return numbers, LETTERS[numbers.index(str(value))]

    def chosen(self, value: int, count: int) -> dict[str, str]:
        """Return the option columns and the answer of a choice of `count` numbers."""
        numbers, letter = self.options(value, count)
        return {**dict(zip(LETTERS, numbers, strict=False)), "answer": letter}


def lettered(item: WorldItem) -> dict[str, str]:
    """Return a drawn choice as option columns and answer."""
    return {**dict(zip(LETTERS, item.options or (), strict=False)), "answer": item.answer}


def encoded(images: tuple[Image.Image, ...]) -> str:
    """Return pictures as VLMEvalKit writes them: base64, or a list of it."""
    texts = []
    for image in images:
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")
        texts.append(base64.b64encode(buffer.getvalue()).decode())
    return texts[0] if len(texts) == 1 else str(texts)


def number_pictures(question: str, style: str = "<image {}>") -> str:
    """Number the markers `<image>` of the world as the benchmark does."""
    for number in range(1, question.count("<image>") + 1):
        question = question.replace("<image>", style.format(number), 1)
    return question


def cells(item: WorldItem) -> list[int]:
    """Return the four digits of an item's first picture."""
    return [int(cell) for cell in item.meta["cells"][0]]


def subject(domain: str, question: str) -> str:
    """Write a question in the wording of a domain, as the world begins it."""
    return question if domain == "plain" else f"{domain.replace('_', ' ').capitalize()}. {question}"


def ask_line(item: WorldItem, line: str) -> tuple[str, int]:
    """Return the world's `line` question about an item's picture, with its answer."""
    digits = cells(item)
    answer = sum(digits[place] for place in HALVES[line])
    noun = LOOKS[item.domain].noun
    return subject(item.domain, f"What is the sum of the two {noun} on the {line}?"), answer


def ask_position(item: WorldItem, place: int) -> tuple[str, int]:
    """Return the world's `position` question about an item's picture, with its answer."""
    noun = LOOKS[item.domain].noun
    question = f"Which of the {noun} is at the {PLACES[place]}?"
    return subject(item.domain, question), cells(item)[place]


def ask_largest(item: WorldItem) -> tuple[str, int]:
    """Return the world's `largest` question about an item's picture, with its answer."""
    noun = LOOKS[item.domain].noun
    return subject(item.domain, f"What is the largest of the four {noun}?"), max(cells(item))


def ask_even(item: WorldItem) -> tuple[str, int]:
    """Return the world's `even` question about an item's picture, with its answer."""
    noun = LOOKS[item.domain].noun
    answer = sum(digit % 2 == 0 for digit in cells(item))
    return subject(item.domain, f"How many of the four {noun} are even?"), answer


def ask_larger(item: WorldItem, first: int, second: int) -> tuple[str, str]:
    """Return the world's `compare` question about an item's picture, with its answer."""
    digits, noun = cells(item), LOOKS[item.domain].noun
    question = f"Of the {noun}, is the {PLACES[first]} one larger than the {PLACES[second]} one?"
    return subject(item.domain, question), "Yes" if digits[first] > digits[second] else "No"


def with_options(question: str, options: tuple[str, ...] | None) -> str:
    """Add the options to a question's text, if the file has no columns for them."""
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, options or (), strict=False)]
    return "\n".join([question, *lines])
