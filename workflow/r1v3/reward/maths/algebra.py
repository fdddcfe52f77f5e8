r"""Decides which answers math-verify may read: formulas with known commands and without prose.

Its parser extracts a part that it knows from any text, so it would read `\phantom{12}` and `12\ldots` as 12.
"""

import re

from r1v3.reward.text.normalize import normalise

_WORDS = """
frac sqrt pm mp cdot times div sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg
exp pi infty alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi rho sigma
tau phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega begin end left right
int iint iiint oint sum prod lim to le ge ne in notin cup cap setminus subset subseteq emptyset
partial nabla binom vec overline hat bar lfloor rfloor lceil rceil det max min gcd lcm circ prime
mod pmod bmod ell Re Im angle hline quad mathrm operatorname matrix pmatrix bmatrix vmatrix array
cases wedge vee approx equiv R
"""
_KNOWN = frozenset(_WORDS.split())
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_RUN = re.compile(r"[A-Za-z]{3,}")
# `12^{*}` is not 12, and `\bar 5` is not 5.
_MARKED = re.compile(
    r"(?<![\d.])\\(?:bar|hat|vec|overline|dot)\s*\{?\s*\d|\^\s*(?:\{\s*[-+*]+\s*\}|[-+*](?![\d({\\A-Za-z]))"
)


def is_algebra(text: str) -> bool:
    """Return whether an answer has only known commands and no words between its signs."""
    text = normalise(text)
    if (
        text.endswith("'")
        or (text.count("|") % 2 and r"\begin" not in text)
        or _MARKED.search(text)
        or (r"\to" in text and r"\lim" not in text)
    ):
        return False
    if not all(char.isascii() or char in "∞" for char in text):
        return False
    if not all(name in _KNOWN for name in _COMMAND.findall(text)):
        return False
    return all(run in _KNOWN for run in _RUN.findall(_COMMAND.sub(" ", text)))
