"""Words that answer a yes-or-no question, in the languages that models use for such an answer.

`是`, `True` and `Correct` mean yes. They choose an option if one option means yes and one means no. They
equal an open answer of yes or no.
"""

import re

_YES = "yes yep yeah yup true correct 是 是的 对 对的 正确 正确的 没错"
_NO = "no nope nah false incorrect untrue 否 不是 不是的 不对 不对的 错 错的 错误 错误的 不正确 不正确的"
# Words that mean yes or no only if the question asks for it: `right` is a direction, `Si` a chemical element.
_YES_IF_ASKED = "y t right affirmative indeed oui sí si ja да はい 예 네 √ ✓ 有 有的"
_NO_IF_ASKED = "n f wrong negative non nein нет いいえ 아니요 아니오 × ✗ 没有 没有的 不 否定"
_SAYS = {word: True for word in _YES.split()} | {word: False for word in _NO.split()}
_SAYS_IF_ASKED = (
    _SAYS
    | {word: True for word in _YES_IF_ASKED.split()}
    | {word: False for word in _NO_IF_ASKED.split()}
)
_AROUND = " \t\n\"'“”‘’「」『』*`.。!！,，;；:：()（）$"
_LEADING = re.compile(
    rf"[\s*\"'“]*({'|'.join(sorted(map(re.escape, _SAYS_IF_ASKED), key=len, reverse=True))})"
    r"[*\"'”]*\s*(?:[,，.。;；!！:：]|[—–]|\n|-\s)(?P<rest>.*)",
    re.DOTALL | re.IGNORECASE,
)
_TURNS = re.compile(
    r"(?<![a-z])(?:wait|but|however|although|though|unless|if|or|maybe|perhaps|actually)(?![a-z])"
    r"|但|不过|然而|等等|如果|除非|可能|也许|其实",
    re.IGNORECASE,
)


def yes_or_no(text: str) -> bool | None:
    """Return True if an open answer means yes, False if it means no, None for anything else.

    `NO` in capitals may be a segment or a gas.
    """
    word = text.strip(_AROUND)
    return None if word == "NO" else _SAYS.get(word.casefold())


def yes_or_no_if_asked(text: str) -> bool | None:
    """Do the same if the question asks for yes or no: then `有`, `Y`, `right` and `NO` are answers."""
    return _SAYS_IF_ASKED.get(text.strip(_AROUND).casefold())


def leading_yes_or_no(text: str) -> bool | None:
    """Return the yes or no that a statement starts with, unless it then weighs: `是的，左边的更大`."""
    found = _LEADING.match(text)
    if found is None or _TURNS.search(found["rest"]):
        return None
    return _SAYS_IF_ASKED[found[1].casefold()]
