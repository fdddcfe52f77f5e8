"""The vocabulary of expressions: functions, letters, and patterns of the smallest parts."""

import re

FUNCTIONS = {
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
    "ln", "lg", "log", "exp", "max", "min", "gcd", "lcm", "sqrt",
}  # fmt: skip
OPAQUE = set("fghFGHP")  # letters that name a function if a bracket follows directly
GREEK = {
    "alpha", "beta", "gamma", "delta", "varepsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "upsilon", "phi", "varphi", "chi", "psi",
    "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Sigma", "Phi", "Psi", "Omega", "ell",
    "hbar", "varrho", "varpi", "varsigma",
}  # fmt: skip
ACCENTS = {"vec", "hat", "bar", "overline", "overrightarrow", "widehat", "tilde", "dot", "ddot"}

NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
SPACE = re.compile(r"\s*")
COMMAND = re.compile(r"\\([a-zA-Z]+)")
LATIN = re.compile(r"[A-Za-z]+")
DEGREE = re.compile(r"\s*\^\s*(?:\\circ(?![a-zA-Z])|\{\s*\\circ\s*\})")
REPEATING = re.compile(
    r"(\d*)\.(\d*)\\(?:overline|dot)\s*\{\s*(\d+)\s*\}(?:(\d*)\\dot\s*\{\s*(\d)\s*\})?"
)
MIXED = re.compile(r"(\d+)\s*\\frac\s*(?:\{\s*(\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))")
MIXED_PLAIN = re.compile(r"(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])")
SCRIPT = re.compile(r"_\s*(?:\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}|\\([a-zA-Z]+)|([A-Za-z0-9]))")
CHOSEN = re.compile(
    r"_\s*(?:\{\s*(\d{1,4})\s*\}|(\d))\s*\^\s*(?:\{\s*(\d{1,3})\s*\}|(\d))(?![\d^])"
)


_SHORT_WORDS = "no of or if is it on to so do up we he be go"
SHORT_WORDS = frozenset(_SHORT_WORDS.split())


def is_english(run: str) -> bool:
    """Return whether up to three letters are a word (`not`, `or`) rather than a product (`xy`, `abc`)."""
    return run in SHORT_WORDS or (len(run) == 3 and run.islower() and bool(set(run) & set("eiou")))


def starts_factor_command(name: str) -> bool:
    """Return whether a LaTeX command starts a factor, so that juxtaposition means a product."""
    return (
        name in FUNCTIONS
        or name in GREEK
        or name in ACCENTS
        or name in ("frac", "binom", "pi", "infty", "angle", "triangle")
    )
