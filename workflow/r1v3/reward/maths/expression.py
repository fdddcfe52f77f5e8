r"""Parses one mathematical expression, LaTeX or plain text, into a small tree that can only be evaluated.

The tree consists of tuples: ("num", Fraction), ("var", name), ("const", name), ("add", a, b), ("mul", a, b),
("div", a, b), ("pow", a, b), ("neg", a), ("fn", name, a), ("log", base, a), ("root", index, a), ("abs", a),
("fact", a), ("binom", n, k), ("call", name, a). It cannot run code. A text that is not understood raises
`NotAnExpression`; the parser never guesses.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from r1v3.reward.maths.lexicon import (
    ACCENTS,
    COMMAND,
    DEGREE,
    FUNCTIONS,
    GREEK,
    LATIN,
    NUMBER,
    OPAQUE,
    SCRIPT,
    is_english,
    starts_factor_command,
)
from r1v3.reward.maths.reader import NotAnExpression, Reader, Tree

MAX_CHARS = 400
MAX_DEPTH = 40
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_ACCENTED = re.compile(r"\s*(?:\{([^{}]{1,20})\}|([A-Za-z])(?![A-Za-z]))")  # \vec{AB}, \vec a


@lru_cache(maxsize=65_536)
def parse_expression(text: str) -> Tree | None:
    """Return the tree of a normalised text, or None if it is not understood."""
    if len(text) > MAX_CHARS:
        return None
    parser = _Parser(text)
    try:
        tree = parser.sum(0)
        parser.skip()
    except (NotAnExpression, RecursionError):
        return None
    return tree if parser.at == len(text) else None


class _Parser(Reader):
    # sum := product (("+" | "-") product)*
    def sum(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise NotAnExpression("too deep")
        left = self.signed(depth)
        while True:
            if self.take("+"):
                left = ("add", left, self.signed(depth))
            elif self.take("-"):
                left = ("add", left, ("neg", self.signed(depth)))
            else:
                return left

    def signed(self, depth: int) -> Tree:
        if self.take("-"):
            return ("neg", self.product(depth))
        self.take("+")
        return self.product(depth)

    def product(self, depth: int) -> Tree:
        left = self.power(depth)
        while True:
            if self.take("*") or self.take(r"\cdot") or self.take(r"\times"):
                left = ("mul", left, self.signed_factor(depth))
            elif self.take("/") or self.take(r"\div"):
                left = ("div", left, self.signed_factor(depth))
            elif self.starts_factor():
                left = ("mul", left, self.power(depth))
            else:
                return left

    def signed_factor(self, depth: int) -> Tree:
        return ("neg", self.power(depth)) if self.take("-") else self.power(depth)

    def starts_factor(self) -> bool:
        char = self.peek()
        if not char:
            return False
        if char.isdigit() or char == ".":
            # `2 3` is not a product, but `x 2` after a letter or a group is accepted as one.
            previous = self.text[: self.at].rstrip()[-1:]
            return not (previous.isdigit() or previous == ".") and char != "."
        if char == "|":
            return self.open_bars == 0
        if char == "\\":
            name = COMMAND.match(self.text, self.at)
            return bool(name) and starts_factor_command(name.group(1))
        return (char.isalpha() and char.isascii()) or char in "([{"

    def power(self, depth: int) -> Tree:
        base = self.postfix(self.primary(depth), depth)
        if self.peek() == "^":
            self.at += 1
            negative = self.take("-")
            exponent = self.script(depth)
            base = ("pow", base, ("neg", exponent) if negative else exponent)
            base = self.postfix(base, depth)
        return base

    def script(self, depth: int) -> Tree:
        if self.peek() == "{":
            return self.group("{", depth)
        return self.power(depth + 1) if depth < MAX_DEPTH else self.primary(depth)

    def postfix(self, base: Tree, depth: int) -> Tree:
        while True:
            degree = DEGREE.match(self.text, self.at)
            if degree:
                self.at = degree.end()
                base = ("mul", base, ("const", "degree"))
            elif self.take("!"):
                base = ("fact", base)
            elif self.take("%"):
                base = ("div", base, ("num", Fraction(100)))
            else:
                return base

    def group(self, opening: str, depth: int) -> Tree:
        self.expect(opening)
        bars, self.open_bars = self.open_bars, 0
        inside = self.sum(depth + 1)
        self.open_bars = bars
        self.expect(_BRACKETS[opening])
        return inside

    def primary(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise NotAnExpression("too deep")
        char = self.peek()
        if char.isdigit() or char == ".":
            return self.number()
        if char in _BRACKETS:
            return self.group(char, depth)
        if char == "|":
            self.at += 1
            self.open_bars += 1
            inside = self.sum(depth + 1)
            self.expect("|")
            self.open_bars -= 1
            return ("abs", inside)
        if char == "\\":
            return self.command(depth)
        if char.isascii() and char.isalpha():
            return self.letters(depth)
        raise NotAnExpression(char)

    def letters(self, depth: int) -> Tree:
        match = LATIN.match(self.text, self.at)
        assert match  # the caller saw a letter here
        run = match.group()
        for length in range(min(6, len(run)), 1, -1):
            if run[:length] in FUNCTIONS and (
                run != "lg" or self.text[self.at + 2 :].lstrip()[:1] not in ("", "}", ")")
            ):
                self.at += length
                return self.function(run[:length], depth)
        if run.startswith("pi"):
            self.at += 2
            return ("const", "pi")
        if run.startswith("Sqrt"):
            self.at += 4
            return self.function("sqrt", depth)
        if len(run) > 3 or is_english(run):
            raise NotAnExpression("a word")
        self.at += 1
        return self.variable(run[0], depth)

    def variable(self, name: str, depth: int) -> Tree:
        chosen = self.chosen(name) if name in "ACP" else None
        if chosen:
            return chosen
        script = SCRIPT.match(self.text, self.at)
        if script:
            self.at = script.end()
            name += "_" + re.sub(
                r"\s", "", next(part for part in script.groups() if part is not None)
            )
        while self.text[self.at : self.at + 1] == "'":
            self.at += 1
            name += "'"
        if name[0] in OPAQUE and self.text[self.at : self.at + 1] == "(":
            return ("call", name, self.group("(", depth))
        if name in ("e", "i"):
            return ("const", name)
        return ("var", name)

    def command(self, depth: int) -> Tree:
        match = COMMAND.match(self.text, self.at)
        if not match:
            raise NotAnExpression("\\")
        name = match.group(1)
        self.at = match.end()
        if name == "frac":
            top = self.argument(depth)
            return ("div", top, self.argument(depth))
        if name == "binom":
            top = self.argument(depth)
            return ("binom", top, self.argument(depth))
        if name in FUNCTIONS:
            return self.function(name, depth)
        if name in ("pi", "infty"):
            return ("const", name)
        if name in GREEK:
            return self.variable("\\" + name, depth)
        if name in ACCENTS:
            inside = _ACCENTED.match(self.text, self.at)
            if inside:
                self.at = inside.end()
                label = (inside.group(1) or inside.group(2)).replace(" ", "")
                return self.variable(f"\\{name}{{{label}}}", depth)
        if name == "angle" and self.peek().isdigit():
            return self.number()
        if name in ("angle", "triangle"):
            label = re.compile(r"\s*(\d|[A-Z]{1,3}(?:_\d)?)").match(self.text, self.at)
            if label:
                self.at = label.end()
                return ("var", f"\\{name}{label.group(1)}")
        raise NotAnExpression(name)

    def argument(self, depth: int) -> Tree:
        r"""Read an argument of \frac: a group, or a single digit or sign as in TeX."""
        char = self.peek()
        if char == "{":
            return self.group("{", depth)
        if char.isdigit():
            self.at += 1
            return ("num", Fraction(int(char)))
        return self.primary(depth + 1)

    def function(self, name: str, depth: int) -> Tree:
        if name == "sqrt":
            index = ("num", Fraction(2))
            if self.peek() == "[":
                index = self.group("[", depth)
            return ("root", index, self.radicand(depth))
        power = None
        base = None
        for _ in range(2):
            if self.take("^"):
                power = ("neg", self.script(depth)) if self.take("-") else self.script(depth)
            elif name == "log" and self.take("_"):
                base = self.argument(depth)
        inside = self.function_argument(depth)
        if power == ("neg", ("num", Fraction(1))) and name in ("sin", "cos", "tan"):
            return ("fn", "arc" + name, inside)
        if name == "lg":
            base = ("num", Fraction(10))
        tree = ("log", base, inside) if name in ("log", "lg") and base else ("fn", name, inside)
        return ("pow", tree, power) if power else tree

    def radicand(self, depth: int) -> Tree:
        char = self.peek()
        if char.isdigit():
            match = NUMBER.match(self.text, self.at)
            assert match  # it begins with a digit
            self.at = match.end()
            return ("num", Fraction(match.group().rstrip(".")))
        return self.primary(depth + 1)

    def function_argument(self, depth: int) -> Tree:
        r"""Read `(x)` or, without brackets, the product up to the next sign or function: `\sin 2x`."""
        char = self.peek()
        if char and char in "({":
            return self.group(char, depth)
        inside = self.power(depth + 1)
        while self.starts_factor() and self.peek() not in "([|" and not self.function_ahead():
            inside = ("mul", inside, self.power(depth + 1))
        return inside

    def function_ahead(self) -> bool:
        match = COMMAND.match(self.text, self.at) or LATIN.match(self.text, self.at)
        return bool(match) and match.group().lstrip("\\") in FUNCTIONS


def subtrees(tree: Tree) -> Iterator[Tree]:
    """Yield a tree and all its subtrees."""
    yield tree
    for part in tree[1:]:
        if isinstance(part, tuple):
            yield from subtrees(part)


def variables_of(tree: Tree) -> frozenset[str]:
    """Return the names of a tree's free variables; an unknown function f is named `f()`."""
    named = (node for node in subtrees(tree) if node[0] in ("var", "call"))
    return frozenset(node[1] if node[0] == "var" else f"{node[1]}()" for node in named)
