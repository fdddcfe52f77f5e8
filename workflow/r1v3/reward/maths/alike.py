r"""Writes two answers with the same names where names are free: `k` of `k \in Z`, bold letters for vectors.

Both texts are compared, so an answer without such names stays unchanged.
"""

import re

_RUNNER = re.compile(
    r"(?<![A-Za-z\\])([knm])\s*(?:\\in(?![a-z])|∈)\s*(?:\\(?:mathbb|mathbf|mathrm|Bbb|bf)\s*)?\{?\s*[Zℤ]"
)
_ARROW = re.compile(r"\\(?:vec|overrightarrow)(?![a-zA-Z])")
_BOLD = re.compile(r"\\(?:mathbf|boldsymbol|bm)\s*\{\s*([a-z])\s*\}")


_CHOSEN = re.compile(
    r"([AC])\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)|(?:\{\s*\})?[_^]\{?(\d+)\}?\s*(C)_\{?(\d+)\}?"
)


def _in_usual_choice(found: re.Match[str]) -> str:
    """Write `C(5,2)` and `{}_5C_2` as `C_5^2`."""
    kind, n, k = found.group(1, 2, 3) if found.group(1) else found.group(5, 4, 6)
    return f"{kind}_{{{n}}}^{{{k}}}"


def in_same_names(answer: str, gold: str) -> tuple[str, str]:
    r"""Return answer and gold with the same bound variables and the same notation of vectors."""
    if gold.strip(" $").isdigit():  # a gold that is not a number may be a point C(5, 2)
        answer = _CHOSEN.sub(_in_usual_choice, answer)
    if ("Z" in gold or "ℤ" in gold) and ("Z" in answer or "ℤ" in answer):
        answer = _with_bound_of(answer, gold, _RUNNER)
    if "=" in answer and "=" in gold:
        for bound in (_ARGUMENT, _INDEX):
            answer = _with_bound_of(answer, gold, bound)
    if "\\" in answer and "\\" in gold:
        for bound in (_SUMMED, _INTEGRATED):
            answer = _with_bound_of(answer, gold, bound)
        bold = [bool(_BOLD.search(text)) for text in (answer, gold)]
        if bold[0] and _ARROW.search(gold):
            answer = _BOLD.sub(r"\\vec{\1}", answer)
        elif bold[1] and _ARROW.search(answer):
            gold = _BOLD.sub(r"\\vec{\1}", gold)
    return answer, gold


_SUBSCRIPT = re.compile(r"([A-Za-z])_\{?(\d)\}?")
_PLAIN_SUBSCRIPT = re.compile(r"(?<![A-Za-z\\\d_])[a-zA-Z][1-9](?![A-Za-z\d])")


def with_plain_subscripts(answer: str, gold: str) -> str:
    """Return a normalised answer with `y1` for `y_1`, if its gold writes subscripts so."""
    if "_" in gold or "_" not in answer or len(_PLAIN_SUBSCRIPT.findall(gold)) < 2:
        return answer
    return _SUBSCRIPT.sub(r"\1\2", answer)


# The argument of `f(m) = 2m`, and the index of `a_k = 2k`. An index also occurs on the right, so `E_k` has
# none.
_ARGUMENT = re.compile(r"(?<![A-Za-z\\])[A-Za-z]\s*\(\s*([a-z])\s*\)\s*=")
_INDEX = re.compile(
    r"(?<![A-Za-z\\])[A-Za-z]\s*_\s*\{?\s*([a-z])\s*\}?\s*=(?=(?:(?>\\(?:[A-Za-z]+|.))|[^\\])*?\1)"
)
_SUMMED = re.compile(r"\\(?:sum|prod)(?:\\limits)?\s*_\s*\{?\s*([a-z])\s*=")
_INTEGRATED = re.compile(
    r"\\int.*?(?<![A-Za-z\\])(?:\\mathrm\s*\{\s*d\s*\}|d)\s*([a-z])(?![A-Za-z])"
)


def _with_bound_of(answer: str, gold: str, bound: re.Pattern[str]) -> str:
    """Return an answer whose only bound variable has the name that its gold uses."""
    mine, wanted = (list(dict.fromkeys(bound.findall(text))) for text in (answer, gold))
    if len(mine) != 1 or len(wanted) != 1 or mine == wanted:
        return answer
    if re.search(rf"(?<![A-Za-z\\]){wanted[0]}(?![A-Za-z])", answer):
        return answer
    named = re.sub(rf"(?<![A-Za-z\\]){mine[0]}(?![A-Za-z])", wanted[0], answer)
    return re.sub(rf"(?<![A-Za-z\\])d{mine[0]}(?![A-Za-z])", f"d{wanted[0]}", named)
