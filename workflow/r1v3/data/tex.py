r"""TeX commands whose backslash a careless reader of JSON or Python took for an escape.

`"\frac"` in a text without a raw mark is a form feed and `rac`. Where such a character stands before the rest
of a command that is known, the backslash is put back. Tabs, line ends and returns are common in texts, so
they are taken for lost backslashes before longer commands only. Before short ones, such as `\\tau`, they are
where no line is broken: behind a bracket or a sign of mathematics.
"""

import re

COMMANDS = {
    "\a": "alpha angle approx arccos arcsin arctan ast asymp",
    "\b": (
        "backslash bar because begin beta bf big bigcap bigcirc bigcup bigg biggl biggr bigl bigr "
        "bigtriangleup binom bmod boldsymbol bot boxed bullet"
    ),
    "\f": "fbox flat forall frac frown",
    "\v": "varepsilon varnothing varphi varpi varrho vartheta vdash vdots vec vee vert vphantom vspace",
    "\t": "tfrac theta therefore tilde times triangle triangleq text textbf textit textrm",
    "\n": "nabla neq ngeq nleq notin nsubseteq",
    "\r": "rceil rfloor right rightarrow rightharpoonup rightleftharpoons",
}  # fmt: skip
ENDS = {
    character: sorted(
        (name[1:] for name in names.split() if name[0] == letter), key=len, reverse=True
    )
    for (character, names), letter in zip(COMMANDS.items(), "abfvtnr", strict=True)
}
LOST = re.compile(
    "|".join(
        f"{re.escape(character)}(?:{'|'.join(ends)})(?![a-z])" for character, ends in ENDS.items()
    )
)
LETTERS = dict(zip(COMMANDS, "abfvtnr", strict=True))
# A line may end behind `$$` or `=`, but not behind one `$`, a bracket or an index.
SHORT = re.compile(
    r"(?:(?<=[({\[^_])|(?<=[^$]\$)|(?<=\A\$))\n(?:u|e|i|eg|ot|mid)(?![a-z])"
    r"|(?:(?<=[$({\[^_=+\-*/|<>])|\A)\t(?:au|an|anh|op|o)(?![a-z])"
    r"|(?:(?<=[$({\[^_=+\-*/|<>\d])|\A)\r(?:ho|m|angle|brace)(?![a-z])"
)


def with_backslashes(text: str) -> str:
    r"""A text whose lost backslashes are put back: form feed and `rac{1}{2}` becomes `\frac{1}{2}`."""
    if not any(character in text for character in COMMANDS):
        return text
    for lost in (LOST, SHORT):
        text = lost.sub(lambda match: f"\\{LETTERS[match[0][0]]}{match[0][1:]}", text)
    return text
