r"""Writes equal answers in one spelling: full width, Unicode signs, LaTeX markup and Chinese punctuation.

All rules read the output of `normalise`. It only rewrites text; it decides nothing.
"""

import re
import unicodedata
from functools import lru_cache

# Longer answers are compared only as text; no rule parses them.
MAX_CHARS = 2_000

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n"))
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₙ", "0123456789n"))
_KEPT = frozenset(chr(0x2460 + index) for index in range(20))  # statement numbers stay unchanged
_FRACTIONS = {sign: unicodedata.normalize("NFKC", sign).split("⁄") for sign in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"}
_SIGNS = {
    "π": r"\pi ", "𝜋": r"\pi ", "×": r"\times ", "✕": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ",
    "∙": r"\cdot ", "÷": r"\div ", "°": r"^\circ ", "º": r"^\circ ", "˚": r"^\circ ", "∞": r"\infty ",
    "≤": r"\le ", "⩽": r"\le ", "≦": r"\le ", "≥": r"\ge ", "⩾": r"\ge ", "≧": r"\ge ",
    "≠": r"\ne ", "∈": r"\in ", "∉": r"\notin ", "∪": r"\cup ", "∩": r"\cap ", "±": r"\pm ",
    "∓": r"\mp ", "≈": r"\approx ", "≅": r"\cong ", "∅": r"\emptyset ", "−": "-", "–": "-", "—": "-",
    "‒": "-", "﹣": "-", "∶": ":", "。": ".", "、": ",", "，": ",", "；": ";", "：": ":", "（": "(",
    "）": ")", "【": "[", "】": "]", "〔": "(", "〕": ")", "％": "%", "﹪": "%", "∠": r"\angle ",
    "△": r"\triangle ", "⊥": r"\perp ", "∥": r"\parallel ", "→": r"\to ", "⟂": r"\perp ",
    "‖": r"\parallel ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ",
    "λ": r"\lambda ", "ω": r"\omega ", "φ": r"\varphi ", "ϕ": r"\phi ", "δ": r"\delta ",
    "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ", "ε": r"\varepsilon ", "μ": r"\mu ", "µ": r"\mu ",
    "Ω": r"\Omega ", "\u2126": r"\Omega ", "Δ": r"\Delta ", "∆": r"\Delta ", "℃": r"^\circ C",
    "℉": r"^\circ F", "′": "'", "’": "'", "‘": "'", "″": "''", "“": '"', "”": '"', "～": "~",
    "\u200b": "", "\u200c": "", "\u200d": "", "\ufeff": "", "\u2061": "", "\u2062": "", "￥": "¥",
}  # fmt: skip
_SIGN_TABLE = str.maketrans(
    {
        **_SIGNS,
        **{key: rf"\frac{{{n}}}{{{d}}}" for key, (n, d) in _FRACTIONS.items()},
    }
)
_SUPER = re.compile(f"[{''.join(_SUPERSCRIPTS)}]+")
_SUB = re.compile(f"[{''.join(_SUBSCRIPTS)}]+")
_ROOT = re.compile(r"√\s*(\d+(?:\.\d+)?|[A-Za-z])|√\s*(?=[({])|√")

_DROPPED = re.compile(
    r"\\(?:left|right|bigl|bigr|Bigl|Bigr|biggl|biggr|big|Big|bigg|Bigg|displaystyle|textstyle"
    r"|limits|nolimits|therefore|rm|bf|it|sf|tt|normalsize|small|large|Large|LARGE|huge|Huge|centering|nonumber)(?![a-zA-Z])"
)
_SPACES = re.compile(
    r"(?<!\\)\\[,;:> ]|\\q?quad(?![a-zA-Z])|\\(?:hspace|vspace)\*?\{[^{}]{0,20}\}|~|\\\n"
)
_WRAPPER = re.compile(
    r"\\(?:text|textbf|textit|textrm|textnormal|textsf|texttt|mathrm|mathbf|mathit|mathsf|mathbb"
    r"|mathcal|mathscr|boldsymbol|bm|mbox|hbox|operatorname\*?|emph|underline|fbox|framebox|boxed|ce)"
    r"\s*\{((?:[^{}]|\{[^{}]*\})*)\}"
)
_UNBRACED = re.compile(r"\\math(?:bb|bf|rm|cal|it|sf)\s+([A-Za-z])(?![A-Za-z])")
_ARC = re.compile(r"\\operatorname\s*\{\s*a(?:rc)?(sin|cos|tan)\s*\}")
_UNIT_VECTOR = re.compile(
    r"\\(?:mathbf|boldsymbol|bm|hat|vec|overrightarrow|textbf)\s*\{\s*(?:\\mathbf\s*\{?)?([ijk])\s*\}?\}"
    r"|\\(?:vec|hat)\s+([ijk])(?![A-Za-z])"
)
_DOTLESS = re.compile(r"\\([ij])math(?![a-zA-Z])")
# Colour is only markup.
_COLOUR = re.compile(
    r"\\(?:textcolor|colorbox|mathcolor)\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}(?=\s*\{)|\\color\s*(?:\[[^\]]*\])?\s*\{[^{}]*\}"
)
_SYNONYMS = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "leq": "le", "leqslant": "le", "geq": "ge",
    "geqslant": "ge", "neq": "ne", "lt": "<", "gt": ">", "colon": ":", "ast": "*", "lbrace": r"\{",
    "rbrace": r"\}", "lbrack": "[", "rbrack": "]", "lvert": "|", "rvert": "|", "vert": "|",
    "mid": "|", "degree": r"^\circ ", "varnothing": "emptyset", "dots": "ldots", "cdots": "ldots",
    "rightarrow": "to", "perthousand": r"\permille ", "dbinom": "binom", "tbinom": "binom",
    "arcctan": "arctan", "atan": "arctan", "asin": "arcsin",
    "acos": "arccos", "tg": "tan", "ctg": "cot", "lbrac": "[", "rbrac": "]", "land": r"\wedge ",
    "vartheta": "theta", "epsilon": "varepsilon", "colonequals": ":=", "doteq": "approx",
    "minus": "-", "overrightarrow": "vec", "percent": "%", "yen": "¥", "pounds": "£", "euro": "€",
    "textdegree": r"^\circ ", "langle": "(", "rangle": ")", "lnot": "neg",
}  # fmt: skip
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_BLANK = re.compile(r"\s+")
_BRACED_COMMA = re.compile(r"\s*\{\s*,\s*\}\s*")  # 1{,}234
# A system of equations is the list of its rows.
_SYSTEM = re.compile(
    r"(?:\\left)?\s*(?:\\\{|\\lbrace)\s*\\begin\{(?:array|aligned|matrix)\}(?:\{[lcr|\s]*\})?((?:(?!\\begin).)*?)"
    r"\\end\{(?:array|aligned|matrix)\}\s*(?:\\right\s*\.)?"
    r"|\\begin\{d?cases\}((?:(?!\\begin).)*?)\\end\{d?cases\}"
    r"|\\begin\{matrix\}(?=[^&]*=)((?:(?!\\begin)[^&])*?)\\end\{matrix\}"
    r"|\\begin\{(?:array\}\s*\{\s*[lcr]\s*\}|aligned\}|gathered\}|align\*?\})((?:(?!\\begin).)*?)"
    r"\\end\{(?:array|aligned|gathered|align\*?)\}",
    re.DOTALL,
)
# `k \in Z` after a family of solutions, and a set-builder in braces that LaTeX would not print.
_FAMILY = re.compile(
    r"[\s,;]*\(?\s*(?:\\forall\s*)?[knm]\s*\\in\s*(?:Z|N)(?:\s*[\^_]\s*\{?[*+]\}?)?\s*\)?\s*$"
)
_BUILDER = re.compile(r"\{(\s*\(?[a-zA-Z,\s]{1,5}\)?\s*(?:\\in\s*[A-Z]\s*)?[|:][^{}]*)\}")
_THIN = re.compile(r",\s*\\!\s*|\\!")
# A LaTeX command that was escaped twice.
_TWICE = re.compile(r"\\\\(?=[a-zA-Z]{2})")


def _rename(match: re.Match[str]) -> str:
    name = _SYNONYMS.get(match.group(1))
    if name is None:
        return match.group()
    return "\\" + name if name[0].isalpha() else name


def fold_width(text: str) -> str:
    """Fold full-width forms and Unicode signs into ASCII and LaTeX."""
    if text.isascii():
        return text
    text = _SUPER.sub(lambda m: "^{" + "".join(_SUPERSCRIPTS[c] for c in m.group()) + "}", text)
    text = _SUB.sub(lambda m: "_{" + "".join(_SUBSCRIPTS[c] for c in m.group()) + "}", text)
    text = re.sub(r"根号\s*(?=[\d(A-Za-z])", "√", text)
    text = _ROOT.sub(lambda m: rf"\sqrt{{{m.group(1)}}}" if m.group(1) else r"\sqrt ", text)
    text = text.translate(_SIGN_TABLE)
    return "".join(c if c in _KEPT else unicodedata.normalize("NFKC", c) for c in text)


@lru_cache(maxsize=65_536)
def normalise(text: str) -> str:
    """Return the canonical spelling of a short answer. Only the first MAX_CHARS characters are read."""
    text = _BRACED_COMMA.sub(",", fold_width(text[:MAX_CHARS]).replace("{:}", ":"))
    if "\\" in text or "~" in text or "$" in text or "*" in text or "`" in text:
        text = _strip_dress(text)
    text = _BLANK.sub(" ", text).strip().replace("per cent", "percent")
    if ".m" in text:
        text = _HALF_DAY.sub(lambda m: f" {m.group(1).upper()}M", text)
    if r"\in" in text:
        text = _FAMILY.sub("", text)
    builder = _BUILDER.fullmatch(text)
    if builder:
        text = rf"\{{{builder.group(1)}\}}"
    return _without_tail(_strip_ends(_PREFIX.sub("", text, count=1)))


_HALF_DAY = re.compile(r"(?<=\d)\s?([ap])\.m\.?(?![A-Za-z])")
# Words that only announce or repeat the answer.
_PREFIX = re.compile(
    r"^(?:(?:答案?|解)\s*:\s*|(?:故|应|所以)*填\s*:?\s*|(?:故|所以)?答案(?:是|为)\s*:?\s*|(?:等于|为|即|(?:解|可|求)?得到?)\s*(?=[-+\d\\(])|(?:故|所以|因此)\s*,?\s*(?=[-+\d\\(])|(?i:so|hence|thus|therefore)\s*,?\s+(?=[-+\d\\(])"
    r"|(?i:(?:the\s+)?(?:final\s+|correct\s+)?ans(?:wer)?\.?)\s*(?:(?<=\.)(?=\s*[-+\d\\(])|is\s*:?\s+|:\s*|=\s*)(?=\S))"
)
_CONFIRMED = re.compile(
    r"(?i:(yes)\s*,\s*(?:it|they|he|she|this|that|there|we|you|i)\s+(?:is|are|does|do|can|was|were|will|has|have|did)"
    r"|(no)\s*,\s*(?:it|they|he|she|this|that|there|we|you|i)\s+(?:(?:is|are|does|do|was|were|will|has|have|did)"
    r"(?:\s+not|n't)|cannot|can't))|(是|对|不是)的"
)


def _without_tail(text: str) -> str:
    confirmed = _CONFIRMED.fullmatch(text) if text[:1] in "YyNn是对不" else None
    return next(group for group in confirmed.groups() if group) if confirmed else text


_CHOOSE = re.compile(r"\{\s*(\w+)\s*\\choose\s*(\w+)\s*\}")
_OVER = re.compile(r"\{\s*([^{}]+?)\s*\\over(?![A-Za-z])\s*([^{}]+?)\s*\}")
# Characters that cannot be part of an answer: control, direction and private ones, lone surrogates.
_FOREIGN = re.compile(
    r"~~[^\s~]+~~|\A\s*%|\\tag\b|\\(?:text)?color\s*\{\s*[wW]hite|[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ue000-\uf8ff]"
)


def is_legible(text: str) -> bool:
    """Return whether a reader sees all of a text in its order.

    A text is not legible if a character is invisible or reverses the order of others, or if the text is
    struck out, commented out, white, or the number of a formula.
    """
    return not _FOREIGN.search(text)


_PRICE = re.compile(
    r"\s*[+-]?\$\s?\d[\d,]*(?:\.\d+)?\s*(?:hundred|thousand|million|billion)?[\s.]*"
)


def _strip_dress(text: str) -> str:
    if r"\begin" in text:
        text = _SYSTEM.sub(
            lambda m: re.sub(
                r"\\\\|\n", ", ", next(filter(None, m.groups()), "").replace("&", " ")
            ),
            text,
        )
    if r"\begin" not in text:
        text = _TWICE.sub(lambda _: "\\", text)
    if _PRICE.fullmatch(text):  # no formula ends here, so the sign means a dollar
        text = text.replace("$", r"\$")
    if r"\math" in text:
        text = _UNBRACED.sub(r"\1", text)
    text = text.replace(r"\$", "\x01").replace("$", " ").replace("\x01", r"\$ ")
    text = re.sub(r"(?<!\\)\\[()\[\]]", " ", text)
    text = text.replace("^{\\circ}", r"^\circ ").replace("^{ \\circ }", r"^\circ ")
    text = _THIN.sub(lambda m: "," if m.group()[0] == "," else "", text)
    if "operatorname" in text:
        text = _ARC.sub(r"\\arc\1 ", text)
    text = _DOTLESS.sub(r"\1", text)
    text = _UNIT_VECTOR.sub(lambda m: rf"\vec{{{m.group(1) or m.group(2)}}}", text)
    text = _DROPPED.sub(" ", _COLOUR.sub(" ", text) if "color" in text else text)
    text = _SPACES.sub(" ", text)
    for _ in range(4):
        text, changed = _WRAPPER.subn(lambda m: " " + m.group(1) + " ", text)
        if not changed:
            break
    text = _CHOOSE.sub(r"\\binom{\1}{\2}", text)
    text = _OVER.sub(r"\\frac{\1}{\2}", text)
    text = text.replace(r"\not=", r"\ne ").replace(r"\not\in", r"\notin ")
    text = _COMMAND.sub(_rename, text)
    text = re.sub(r"\s+(?=[_^])", "", text)
    text = text.replace(r"\%", "%").replace(r"\#", "#").replace(r"\&", "&").replace(r"\_", "_")
    return text.replace("**", "").replace("`", "")


_TRAILING = " .,;"


def _strip_ends(text: str) -> str:
    for _ in range(4):
        before = text
        text = text.strip().strip('"').rstrip(_TRAILING).lstrip(" :,;").strip()
        if text.endswith("\\"):
            text = text.rstrip("\\")
        if len(text) > 1 and text[0] == "{" and _is_braced(text):
            text = text[1:-1]
        if text == before:
            break
    return text


_BRACE = re.compile(r"\\.|[{}]")


def _is_braced(text: str) -> bool:
    """Return whether the last character closes the brace that opens the text."""
    depth = 0
    for mark in _BRACE.finditer(text):
        depth += {"{": 1, "}": -1}.get(mark.group(), 0)
        if depth == 0 and mark.group() == "}":
            return mark.end() == len(text)
    return False


@lru_cache(maxsize=65_536)
def squeeze(text: str) -> str:
    """Return a normalised answer without white space; words, but not variables, become lower case."""
    if _WORDS.fullmatch(text):
        text = fold_case(text)
    return _APART.sub("", _SINGLE.sub(r"\1", text))


def fold_case(text: str) -> str:
    """Return a text with its words in lower case; possible formulas (`Co`, `NaCl`) keep their case."""
    return _TOKEN.sub(lambda m: m.group().casefold() if _is_word(m.group()) else m.group(), text)


def _is_word(token: str) -> bool:
    if any(char.isdigit() for char in token):
        return False
    if len(token) <= 2:
        return token in ("No", "Is", "It", "If", "In", "On", "To", "As", "At")
    return token.islower() or token.isupper() or token.istitle()


_TOKEN = re.compile(r"[a-z\d]*[A-Z][A-Za-z\d]*")
# Blanks between digits separate numbers.
_APART = re.compile(r"(?<!\d)(?<!\d\.)\s+|\s+(?!\.?\d)")


_WORDS = re.compile(r"[^\\=+*/^_<>{}]*[A-Za-z]{2}[^\\=+*/^_<>{}]*")
_SINGLE = re.compile(r"\{([A-Za-z0-9])\}")
