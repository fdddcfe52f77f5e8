r"""Restores TeX commands whose backslash was read as an escape of JSON or Python.

`"\frac"` in a text that is not a raw string is a form feed and `rac`. If such a character stands before the
rest of a known command, the backslash is restored. Tabs, line feeds and carriage returns are common in texts.
So they count as lost backslashes only before longer commands. Before short ones, such as `\\tau`, they count
only where no line would break: after a bracket or a sign of mathematics.
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
# A line may end after `$$` or `=`, but not after a single `$`, a bracket or an index.
SHORT = re.compile(
    r"(?:(?<=[({\[^_])|(?<=[^$]\$)|(?<=\A\$))\n(?:u|e|i|eg|ot|mid)(?![a-z])"
    r"|(?:(?<=[$({\[^_=+\-*/|<>])|\A)\t(?:au|an|anh|op|o)(?![a-z])"
    r"|(?:(?<=[$({\[^_=+\-*/|<>\d])|\A)\r(?:ho|m|angle|brace)(?![a-z])"
)


def with_backslashes(text: str) -> str:
    r"""Return a text with its lost backslashes restored: form feed and `rac{1}{2}` become `\frac{1}{2}`."""
    if not any(character in text for character in COMMANDS):
        return text
    for lost in (LOST, SHORT):
        text = lost.sub(lambda match: f"\\{LETTERS[match[0][0]]}{match[0][1:]}", text)
    return text
