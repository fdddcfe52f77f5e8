"""Reads the smallest parts of an expression from a text: blanks, signs, numbers."""

from fractions import Fraction
from typing import Any

from r1v3.reward.maths.lexicon import CHOSEN, MIXED, MIXED_PLAIN, NUMBER, REPEATING, SPACE

# The tree of an expression: its kind, then its parts. `expression.py` lists the kinds.
Tree = tuple[Any, ...]


class NotAnExpression(ValueError):
    """Raised if the parser does not understand a text as an expression."""


class Reader:
    """A text and the current position in it."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0
        self.open_bars = 0

    def skip(self) -> None:
        blanks = SPACE.match(self.text, self.at)
        assert blanks  # the pattern also matches the empty text
        self.at = blanks.end()

    def peek(self) -> str:
        self.skip()
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self, symbol: str) -> bool:
        self.skip()
        if self.text.startswith(symbol, self.at):
            end = self.at + len(symbol)
            if symbol[-1].isalpha() and self.text[end : end + 1].isalpha():
                return False
            self.at = end
            return True
        return False

    def expect(self, symbol: str) -> None:
        if not self.take(symbol):
            raise NotAnExpression(symbol)

    def number(self) -> Tree:
        repeating = REPEATING.match(self.text, self.at)
        if repeating:
            self.at = repeating.end()
            whole, fixed, cycle, middle, last = (part or "" for part in repeating.groups())
            cycle += middle + last
            shift = 10 ** len(fixed)
            value = Fraction(int(whole or 0)) + Fraction(int(fixed or 0), shift)
            return ("num", value + Fraction(int(cycle), shift * (10 ** len(cycle) - 1)))
        for pattern in (MIXED, MIXED_PLAIN):
            mixed = pattern.match(self.text, self.at)
            if mixed:
                whole, top, bottom = (int(part) for part in mixed.groups() if part)
                if 0 < top < bottom:
                    self.at = mixed.end()
                    return ("num", whole + Fraction(top, bottom))
        match = NUMBER.match(self.text, self.at)
        if not match:
            raise NotAnExpression(self.text[self.at])
        self.at = match.end()
        return ("num", Fraction(match.group().rstrip(".")))

    def chosen(self, name: str) -> Tree | None:
        r"""Read `C_n^k` (combinations) or `A_n^k` (permutations) of k out of n things; else None."""
        match = CHOSEN.match(self.text, self.at)
        if not match:
            return None
        n, k = int(match.group(1) or match.group(2)), int(match.group(3) or match.group(4))
        if n < 2 or k > n:
            return None
        self.at = match.end()
        binomial = ("binom", ("num", Fraction(n)), ("num", Fraction(k)))
        return binomial if name == "C" else ("mul", binomial, ("fact", ("num", Fraction(k))))
