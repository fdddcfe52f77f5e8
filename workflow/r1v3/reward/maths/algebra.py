r"""Which answers algebra (math-verify) may read: formulas of a closed vocabulary, without a word of prose.

Its parser takes the part that it knows out of any text, so that `\phantom{12}` and `12\ldots` would be 12.
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
# `12^{*}` and `\bar 5` are no 12 and no 5.
_MARKED = re.compile(
    r"(?<![\d.])\\(?:bar|hat|vec|overline|dot)\s*\{?\s*\d|\^\s*(?:\{\s*[-+*]+\s*\}|[-+*](?![\d({\\A-Za-z]))"
)


def is_algebra(text: str) -> bool:
    """Whether every command of an answer is known and no word stands between its signs."""
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
