"""The tasks of the tiny world: each draws its cells, computes the answer, and writes a thought.

A task is a function of a random source that returns a `Puzzle`. A thought is a list of steps. A step that can
go wrong has a wrong version, which a chain with slips writes first.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from r1v3.data.world.draw import COLOURS, SHAPES, Cell

PLACES = ("top left", "top right", "bottom left", "bottom right")
HALVES = {"top": (0, 1), "bottom": (2, 3), "left": (0, 2), "right": (1, 3)}


@dataclass(frozen=True)
class ThoughtStep:
    """A step of a thought; `slip` is the same step with a mistake, if one is possible here."""

    text: str
    slip: str | None = None


@dataclass(frozen=True)
class Puzzle:
    """A task's cells (four per picture), wording, answer and thought; `choices` lists all options."""

    cells: Sequence[Sequence[Cell]]
    question: str
    answer: str
    steps: list[ThoughtStep]
    choices: list[str]
    retry: list[ThoughtStep] = field(default_factory=list)
    letters: str | None = None
    difficulty: str = "normal"


def _digits(rng: random.Random) -> list[int]:
    return [rng.randrange(10) for _ in range(4)]


def _seen(cells: Sequence[Cell]) -> ThoughtStep:
    return ThoughtStep(
        ",".join(
            c if isinstance(c, str) else str(c) if isinstance(c, int) else " ".join(c)
            for c in cells
        )
    )


def _added(numbers: list[int], rng: random.Random) -> tuple[list[ThoughtStep], int]:
    """Return the steps of a running sum, each with a slip by one, and the total."""
    total, steps = numbers[0], []
    for number in numbers[1:]:
        wrong = max(0, total + number + rng.choice((-1, 1)))
        steps.append(ThoughtStep(f"{total}+{number}={total + number}", f"{total}+{number}={wrong}"))
        total += number
    return steps, total


def _numbers_to(limit: int) -> list[str]:
    return [str(n) for n in range(limit + 1)]


def total(rng: random.Random, noun: str) -> Puzzle:
    digits = _digits(rng)
    steps, answer = _added(digits, rng)
    again, _ = _added(digits[::-1], rng)
    question = f"What is the sum of the four {noun}?"
    return Puzzle([digits], question, str(answer), [_seen(digits), *steps], _numbers_to(36), again)


def largest(rng: random.Random, noun: str) -> Puzzle:
    digits = _digits(rng)
    running = [max(digits[: n + 1]) for n in range(4)]
    wrong = [min(digits[: n + 1]) for n in range(4)]
    say = "max "
    step = ThoughtStep(say + ",".join(map(str, running)), say + ",".join(map(str, wrong)))
    question = f"What is the largest of the four {noun}?"
    return Puzzle([digits], question, str(running[-1]), [_seen(digits), step], _numbers_to(9))


def even(rng: random.Random, noun: str) -> Puzzle:
    digits = _digits(rng)
    running = [sum(d % 2 == 0 for d in digits[: n + 1]) for n in range(4)]
    odd = [sum(d % 2 for d in digits[: n + 1]) for n in range(4)]
    step = ThoughtStep("even " + ",".join(map(str, running)), "even " + ",".join(map(str, odd)))
    question = f"How many of the four {noun} are even?"
    return Puzzle([digits], question, str(running[-1]), [_seen(digits), step], _numbers_to(4))


def line(rng: random.Random, noun: str) -> Puzzle:
    digits = _digits(rng)
    name = rng.choice(list(HALVES))
    pair = [digits[place] for place in HALVES[name]]
    steps, answer = _added(pair, rng)
    question = f"What is the sum of the two {noun} on the {name}?"
    return Puzzle([digits], question, str(answer), [_seen(digits), *steps], _numbers_to(18))


def position(rng: random.Random, noun: str) -> Puzzle:
    digits = _digits(rng)
    place = rng.randrange(4)
    question = f"Which of the {noun} is at the {PLACES[place]}?"
    steps = [_seen(digits), ThoughtStep(f"{PLACES[place]} {digits[place]}")]
    return Puzzle([digits], question, str(digits[place]), steps, _numbers_to(9))


def compare(rng: random.Random, noun: str) -> Puzzle:
    digits = _digits(rng)
    first, second = rng.sample(range(4), 2)
    a, b = digits[first], digits[second]
    sign = "<" if a < b else ">" if a > b else "="
    question = f"Of the {noun}, is the {PLACES[first]} one larger than the {PLACES[second]} one?"
    steps = [_seen(digits), ThoughtStep(f"{a}{sign}{b}", f"{b}{sign}{a}" if a != b else None)]
    return Puzzle([digits], question, "yes" if a > b else "no", steps, ["yes", "no"])


def difference(rng: random.Random, noun: str) -> Puzzle:
    digits = _digits(rng)
    high, low = max(digits), min(digits)
    question = f"What is the largest of the four {noun} minus the smallest?"
    steps = [
        _seen(digits),
        ThoughtStep(f"max {high}"),
        ThoughtStep(f"min {low}"),
        ThoughtStep(f"{high}-{low}={high - low}", f"{high}-{low}={high - low + 1}"),
    ]
    return Puzzle([digits], question, str(high - low), steps, _numbers_to(9), difficulty="hard")


def product(rng: random.Random, noun: str) -> Puzzle:
    digits = _digits(rng)
    a, b = digits[0], digits[3]
    question = f"Multiply the {PLACES[0]} of the {noun} by the {PLACES[3]} one."
    steps = [
        _seen(digits),
        ThoughtStep(f"{a}*{b}={a * b}", f"{a}*{b}={max(0, a * b + rng.choice((-a, a)))}"),
    ]
    choices = sorted({str(i * j) for i in range(10) for j in range(10)}, key=int)
    return Puzzle([digits], question, str(a * b), steps, choices, difficulty="hard")


def places(rng: random.Random, noun: str) -> Puzzle:
    digits = _digits(rng)
    if all(d % 2 for d in digits):
        digits[rng.randrange(4)] = 2 * rng.randrange(5)
    letters = "".join("ABCD"[n] for n in range(4) if digits[n] % 2 == 0)
    question = f"Which of the {noun} are even? Choose all."
    names = ",".join("even" if d % 2 == 0 else "odd" for d in digits)
    return Puzzle(
        [digits],
        question,
        letters,
        [_seen(digits), ThoughtStep(names)],
        list(PLACES),
        letters=letters,
    )


def sequence(rng: random.Random, noun: str) -> Puzzle:
    step = rng.choice((-3, -2, -1, 1, 2, 3))
    start = rng.randrange(max(0, -3 * step), 10 - max(0, 3 * step))
    row = [start + n * step for n in range(4)]
    cells: list[Cell] = [*row[:3], "?"]
    sign = "+" if step > 0 else "-"
    steps = [
        _seen(cells),
        ThoughtStep(f"{sign}{abs(step)}"),
        ThoughtStep(f"{row[2]}{sign}{abs(step)}={row[3]}", f"{row[2]}{sign}{abs(step)}={row[2]}"),
    ]
    question = f"Which of the {noun} comes next in the pattern?"
    return Puzzle([cells], question, str(row[3]), steps, _numbers_to(9))


def _shapes(rng: random.Random) -> list[tuple[str, str]]:
    return [(rng.choice(list(COLOURS)), rng.choice(SHAPES)) for _ in range(4)]


def shape_count(rng: random.Random, noun: str) -> Puzzle:
    cells = _shapes(rng)
    kind = rng.randrange(2)
    wanted = rng.choice(SHAPES) if kind else rng.choice(list(COLOURS))
    running = [sum(c[kind] == wanted for c in cells[: n + 1]) for n in range(4)]
    what = f"{wanted} shapes" if not kind else {"cross": "crosses"}.get(wanted, f"{wanted}s")
    steps = [_seen(cells), ThoughtStep(",".join(map(str, running)))]
    return Puzzle([cells], f"How many {what} are there?", str(running[-1]), steps, _numbers_to(4))


def shape_at(rng: random.Random, noun: str) -> Puzzle:
    cells = _shapes(rng)
    place = rng.randrange(4)
    steps = [_seen(cells), ThoughtStep(f"{PLACES[place]} {cells[place][1]}")]
    return Puzzle(
        [cells], f"Which shape is at the {PLACES[place]}?", cells[place][1], steps, list(SHAPES)
    )


def colour_at(rng: random.Random, noun: str) -> Puzzle:
    cells = _shapes(rng)
    place = rng.randrange(4)
    steps = [_seen(cells), ThoughtStep(f"{PLACES[place]} {cells[place][0]}")]
    question = f"Which colour is the shape at the {PLACES[place]}?"
    return Puzzle([cells], question, cells[place][0], steps, list(COLOURS))


def odd_one_out(rng: random.Random, noun: str) -> Puzzle:
    common, other = rng.sample(SHAPES, 2)
    place = rng.randrange(4)
    cells = [(rng.choice(list(COLOURS)), other if n == place else common) for n in range(4)]
    question = "Which place holds the odd one out?"
    steps = [_seen(cells), ThoughtStep(f"{other} {PLACES[place]}")]
    return Puzzle([cells], question, PLACES[place], steps, list(PLACES))


def pictured(rng: random.Random, noun: str) -> Puzzle:
    """Ask the question by a sign in the picture: add, largest, or number of even ones."""
    digits = _digits(rng)[:3]
    sign = rng.choice(("+", "max", "even"))
    cells: list[Cell] = [*digits, sign]
    if sign == "+":
        steps, answer = _added(digits, rng)
    elif sign == "max":
        answer = max(digits)
        steps = [ThoughtStep("max " + ",".join(str(max(digits[: n + 1])) for n in range(3)))]
    else:
        running = [sum(d % 2 == 0 for d in digits[: n + 1]) for n in range(3)]
        answer = running[-1]
        steps = [ThoughtStep("even " + ",".join(map(str, running)))]
    question = "Answer the question in the picture."
    return Puzzle([cells], question, str(answer), [_seen(cells), *steps], _numbers_to(27))


def two_pictures(rng: random.Random, noun: str) -> Puzzle:
    first, second = _digits(rng), _digits(rng)
    place = rng.randrange(4)
    steps, answer = _added([first[place], second[place]], rng)
    question = f"<image>\n<image>\nWhat is the sum of the two {noun} at the {PLACES[place]}?"
    return Puzzle(
        [first, second],
        question,
        str(answer),
        [_seen(first), _seen(second), *steps],
        _numbers_to(18),
    )


def describe(rng: random.Random, noun: str) -> Puzzle:
    """Ask for the cells in words; a base model learns to see with this task."""
    cells: list[Cell] = [*(_digits(rng) if rng.random() < 0.75 else _shapes(rng))]
    if isinstance(cells[0], int) and rng.random() < 0.3:
        cells[3] = rng.choice(("+", "max", "even", "?"))
    seen = _seen(cells)
    return Puzzle([cells], "Read the four cells.", seen.text, [], [])


TASKS: dict[str, Callable[[random.Random, str], Puzzle]] = {
    "sum": total,
    "largest": largest,
    "even": even,
    "line": line,
    "position": position,
    "compare": compare,
    "difference": difference,
    "product": product,
    "places": places,
    "sequence": sequence,
    "shape_count": shape_count,
    "shape_at": shape_at,
    "colour_at": colour_at,
    "odd_one_out": odd_one_out,
    "pictured": pictured,
    "two_pictures": two_pictures,
    "describe": describe,
}
