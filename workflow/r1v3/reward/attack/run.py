"""Runs graders on generated answers and prints the share of each kind that gets a reward.

A policy learns to give undeserving answers that get a reward, and unlearns honest answers that get none.
"""

import logging
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from r1v3.reward.attack.honest import HONEST
from r1v3.reward.attack.question import AttackedQuestion
from r1v3.reward.attack.undeserved import UNDESERVED
from r1v3.reward.grader import Grader
from r1v3.reward.rules import accepted
from r1v3.reward.verdict import AnswerRow

Judge = Callable[[list[AnswerRow]], list[bool]]
THOUGHT = "<think>\nI reason.\n</think>\n\n"


@dataclass(frozen=True)
class Made:
    """A generated answer: its kind, whether it deserves the reward, and the row for a grader."""

    kind: str
    honest: bool
    row: AnswerRow


def make(questions: Iterable[AttackedQuestion]) -> Iterator[Made]:
    """Yield all generated answers to all questions."""
    for question in questions:
        for honest, generators in ((False, UNDESERVED), (True, HONEST)):
            for kind, generator in generators.items():
                for response in dict.fromkeys(generator(question)):
                    yield Made(kind, honest, question.row(THOUGHT + response))


def sample_answers(made: list[Made], limit: int, seed: int) -> list[Made]:
    """Return at most `limit` answers of each kind, drawn with a seed."""
    chosen: list[Made] = []
    for kind in dict.fromkeys((one.honest, one.kind) for one in made):
        of_kind = [one for one in made if (one.honest, one.kind) == kind]
        drawn = random.Random(f"{seed}/{kind[1]}").sample(of_kind, min(limit, len(of_kind)))
        chosen += drawn
    return chosen


def ours(rows: list[AnswerRow]) -> list[bool]:
    """Grade by our rules."""
    with Grader() as grader:
        return [bool(verdict.correct) for verdict in grader.grade_many(rows)]


def math_verify(rows: list[AnswerRow]) -> list[bool]:
    """Grade by math-verify, set up as in its manual; choices are graded by their letters."""
    from math_verify import (
        ExprExtractionConfig,
        LatexExtractionConfig,
        StringExtractionConfig,
        parse,
        verify,
    )

    logging.disable(logging.CRITICAL)
    symbolic = [LatexExtractionConfig(), ExprExtractionConfig()]
    letters = [StringExtractionConfig(strings=tuple("ABCDEFGHIJ"))]
    found: list[bool] = []
    for row in rows:
        choice = row["type"].startswith("mcq")
        config = letters if choice else symbolic
        answer = parse(row["response"].rpartition("</think>")[2], config)
        golds = [gold if choice or "$" in gold else f"${gold}$" for gold in accepted(row["gold"])]
        found.append(any(verify(parse(gold, config), answer) for gold in golds))
    logging.disable(logging.NOTSET)
    return found


def open_r1(rows: list[AnswerRow]) -> list[bool]:
    """Grade by open-r1's accuracy reward."""
    accuracy_reward = import_module("open_r1.rewards").accuracy_reward
    contents = [[{"content": row["response"].rpartition("</think>")[2]}] for row in rows]
    rewards = accuracy_reward(contents, [f"${accepted(row['gold'])[0]}$" for row in rows])
    return [reward == 1.0 for reward in rewards]


def verl(rows: list[AnswerRow]) -> list[bool]:
    """Grade by verl's rule for MATH."""
    compute_score = import_module("verl.utils.reward_score.math_reward").compute_score
    return [compute_score(row["response"], accepted(row["gold"])[0]) > 0 for row in rows]


_JUDGES: dict[str, tuple[str, Judge]] = {
    "ours": ("r1v3", ours),
    "math-verify": ("math_verify", math_verify),
    "open-r1": ("open_r1", open_r1),
    "verl": ("verl", verl),
}


def judges() -> dict[str, Judge]:
    """Return the installed graders by name."""
    return {name: judge for name, (package, judge) in _JUDGES.items() if find_spec(package)}


@dataclass(frozen=True)
class Paid:
    """The number of generated answers of a kind, and the share that each grader rewarded."""

    kind: str
    honest: bool
    count: int
    shares: dict[str, float]


def attack(made: list[Made], graders: dict[str, Judge]) -> tuple[list[Paid], list[Made]]:
    """Return the rewarded share of each kind, and the answers that our grader judged wrongly."""
    verdicts = {name: judge([one.row for one in made]) for name, judge in graders.items()}
    table: list[Paid] = []
    groups = [(one.honest, one.kind) for one in made]
    everything = [(False, "all undeserved"), (True, "all honest")]
    for honest, kind in [*dict.fromkeys(groups), *everything]:
        of_kind = [
            place
            for place, group in enumerate(groups)
            if group == (honest, kind) or (kind.startswith("all ") and group[0] == honest)
        ]
        shares = {
            name: sum(found[place] for place in of_kind) / max(1, len(of_kind))
            for name, found in verdicts.items()
        }
        table.append(Paid(kind, honest, len(of_kind), shares))
    wrong = [one for one, paid in zip(made, verdicts["ours"], strict=True) if paid != one.honest]
    return table, wrong


def attack_table(table: list[Paid]) -> str:
    """Format the table as aligned text, undeserving answers first."""
    names = list(table[0].shares)
    lines = [f"{'answers':24s}{'n':>8s}" + "".join(f"{name:>14s}" for name in names)]
    for one in sorted(table, key=lambda paid: paid.honest):
        shares = "".join(f"{100 * one.shares[name]:13.2f}%" for name in names)
        label = one.kind if one.kind.startswith("all") else f"  {one.kind}"
        lines.append(f"{label:24s}{one.count:8d}{shares}")
    return "\n".join(lines)
