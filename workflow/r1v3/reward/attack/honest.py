"""Generators of correct answers in unusual notation, one function for each kind."""

import re
from collections.abc import Iterator
from fractions import Fraction

from r1v3.reward.attack.question import AttackedQuestion
from r1v3.reward.attack.undeserved import Generator, box
from r1v3.reward.maths.numbers import parse_number
from r1v3.reward.maths.units import split_unit
from r1v3.reward.text.normalize import normalise
from r1v3.reward.text.question import restates


def plain_answers(question: AttackedQuestion) -> Iterator[str]:
    """Yield the answer as models usually write it: boxed, in a sentence, in bold."""
    right = question.answer
    yield box(right)
    yield f"${box(right)}$."
    if not re.search(r"[a-zA-Z\u4e00-\u9fff]{4}", right):
        yield f"The answer is {right}." if question.letters else f"The answer is ${right}$."
        yield f"**Answer:** {right}" if question.letters else f"**Answer:** ${right}$"
        yield f"故答案为：{right}" if question.letters else f"故答案为：${right}$"


def dress(question: AttackedQuestion) -> Iterator[str]:
    """Yield the answer with colours, words or brackets around it."""
    right = question.answer
    yield box(rf"\textcolor{{red}}{{{right}}}")
    yield box(rf"\text{{Answer: }}{right}")
    yield box(f"答案是{right}")
    yield box(rf"\,{right}\,")
    if question.letters:
        joined = "、".join(question.letters)
        yield box(f"故选{question.letters}")
        yield box(f"正确答案是{joined}")
        yield (
            f"So the correct answer is ({right})."
            if len(right) == 1
            else f"The answers are {joined}."
        )
        if len(right) == 1 and question.options:
            yield box(f"{right}. {question.options['ABCDEFGHIJ'.index(right)]}")


def units(question: AttackedQuestion) -> Iterator[str]:
    """Yield the answer without its unit, or with the unit in Chinese, in brackets or converted."""
    if question.letters:
        return
    head, unit, _ = split_unit(normalise(question.gold))
    if unit is None or not unit.dimension or parse_number(head) is None:
        return
    written = normalise(question.gold)[len(head) :].strip()
    yield box(head)
    yield box(rf"{head}\,\text{{({written})}}")
    value = parse_number(head)
    if written == "m" and value is not None:
        yield box(rf"{100 * value} \text{{ cm}}")
    if written == "cm":
        yield box(f"{head}厘米")


def forms(question: AttackedQuestion) -> Iterator[str]:
    """Yield the same number in other notations."""
    if not question.is_number or question.letters:
        return
    value = parse_number(normalise(question.gold))
    assert value is not None
    yield box(rf"\frac{{{2 * value.numerator}}}{{{2 * value.denominator}}}")
    if value.denominator == 1:
        yield box(f"{value.numerator:,}")
        yield box(f"{value.numerator}.0")
    elif _terminates(value):
        yield box(str(float(value)))
    if value.denominator > 1:
        yield box(f"{value.numerator}/{value.denominator}")


def _terminates(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1 and value.denominator < 10**6


def rewritten(question: AttackedQuestion) -> Iterator[str]:
    """Yield other forms of an expression by sympy: expanded, factored, over one denominator."""
    from r1v3.reward.attack.rewrite import forms_of

    gold = normalise(question.gold)
    measured = split_unit(gold)[1] is not None
    if question.letters or question.is_number or measured or not re.search(r"[a-z\\]", gold):
        return
    for form in forms_of(gold):
        # A question may ask for a factored form, which another form expands.
        if not restates(form, gold, question.text):
            yield box(form)


HONEST: dict[str, Generator] = {
    "plain": plain_answers, "dress": dress, "units": units, "forms": forms, "rewritten": rewritten,
}  # fmt: skip
