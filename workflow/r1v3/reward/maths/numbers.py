r"""Reads numbers exactly: `1,234.5`, `-3`, `\frac{3}{4}`, `2\frac{1}{3}`, `1.2\times 10^{5}`, `28%`.

Values are `Fraction`s, so 0.1 + 0.2 has no rounding error. This is the fast path of the grader: one regular
expression, no symbolic algebra.
"""

import re
from fractions import Fraction
from functools import lru_cache

MAX_DIGITS = 400
MAX_EXPONENT = 400

_PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = re.compile(
    rf"""
    (?P<sign>[+-]?)\s*
    (?:
        \\frac\s*(?:\{{\s*(?P<n1>-?\d+)\s*\}}|(?P<n2>\d))\s*(?:\{{\s*(?P<d1>-?\d+)\s*\}}|(?P<d2>\d))
      | (?P<whole>\d+)\s*\\frac\s*\{{\s*(?P<n3>\d+)\s*\}}\s*\{{\s*(?P<d3>\d+)\s*\}}
      | (?P<whole2>\d+)\s+(?P<n4>\d+)\s*/\s*(?P<d4>\d+)
      | \(?\s*(?P<n5>-?\d+)\s*/\s*(?P<d5>\d+)\s*\)?
      | (?P<plain>{_PLAIN})
        (?:\s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*(?:\{{\s*(?P<e1>[+-]?\d+)\s*\}}|(?P<e2>[+-]?\d+))
          | [eE](?P<e3>[+-]?\d+))?
    )
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=65_536)
def parse_number(text: str) -> Fraction | None:
    """Return the exact value of a normalised text that is one number, else None."""
    if len(text) > MAX_DIGITS:
        return None
    match = _NUMBER.fullmatch(text.strip())
    return number_of(match) if match else None


def number_of(match: re.Match[str]) -> Fraction | None:
    """Return the value of a match of the number pattern; None if the denominator is zero."""
    found = match.groupdict()
    sign = -1 if found["sign"] == "-" else 1
    if found["plain"]:
        exponent = int(found["e1"] or found["e2"] or found["e3"] or 0)
        if abs(exponent) > MAX_EXPONENT:
            return None
        value = Fraction(found["plain"].replace(",", "").rstrip(".") or "0")
        return sign * value * Fraction(10) ** exponent
    top = int(found["n1"] or found["n2"] or found["n3"] or found["n4"] or found["n5"])
    bottom = int(found["d1"] or found["d2"] or found["d3"] or found["d4"] or found["d5"])
    if bottom == 0:
        return None
    return sign * (int(found["whole"] or found["whole2"] or 0) + Fraction(top, bottom))
