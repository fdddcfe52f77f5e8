"""Finds the letters that a reply's last lines choose, in plain words or by ticks in a list."""

import re

# A last line that consists of these words and one letter chooses the letter: `Definitely B.`, `La opción
# correcta es la B`. Words that take a choice back, or leave it open, are not in the list.
_PLAIN_WORDS = frozenset((
    "definitely", "clearly", "certainly", "surely", "obviously", "so", "ok", "okay", "hmm", "well", "then",
    "thus", "hence", "therefore", "it", "is", "must", "be", "has", "to", "i", "would", "say", "vote", "go",
    "for", "with", "going", "pick", "picked", "choose", "chose", "select", "selected", "looks", "like",
    "me", "option", "opt", "choice", "letter", "correct", "right", "the", "this", "my", "final",
    "best", "sure", "that", "la", "le", "el", "il", "l", "o", "a", "die", "das", "der", "den", "lo",
    "réponse", "respuesta", "resposta", "risposta", "antwort", "lösung", "antwoord", "svar", "odpowiedź",
    "cevap", "jawaban", "ответ", "đáp", "án", "bonne", "richtige", "korrekte", "correcte", "correcta",
    "correta", "corretta", "exacte", "correto", "correcto", "corretto", "richtig", "korrekt", "opción",
    "opção", "opzione", "alternativa", "letra", "lettre", "buchstabe", "lettera", "vers", "es", "est", "é",
    "è", "ist", "lautet", "adalah", "là", "yang", "benar", "pilihan", "lựa", "chọn", "вариант",
    "правильный", "правильная", "верный", "это", "opcja", "goede", "optie", "juiste",
))  # fmt: skip
_UNSPACED = re.compile(
    r"正解|答え|正しい|選択肢|です|である|だ|は|が|の|답변?|정답|선택지|보기|번|입니다|이다|은|는|이|가|คำตอบ(?:คือ)?|ข้อ"
    r"|सही|उत्तर|विकल्प|है"
)
_ONE_LETTER = re.compile(r"(?<![^\W\d_])[A-J](?![^\W\d_])")
_WORDS = re.compile(r"[^\W\d_]+(?:\u0301)?")
_ARTICLE = re.compile(r"\A\W*A\s+(?=resposta|alternativa|opção|letra|correta)", re.IGNORECASE)
_PRONOUN = re.compile(r"(?<![^\W\d_])I(?=\s+[a-z]|['’])")
_OPENS_MORE = re.compile(r"[?？\d=+<>\\^_$/,，;；]")
LONGEST_CHOICE = 60  # most characters of such a line


def chosen_in_plain_words(line: str) -> str | None:
    """Return the letter of a line that says only that this letter is the answer.

    Lines with the English word `answer` are left to the rules, which read them.
    """
    line = _PRONOUN.sub("i", _ARTICLE.sub("", line))
    if len(line) > LONGEST_CHOICE or _OPENS_MORE.search(line.replace(", ", " ")):
        return None
    plain = _UNSPACED.sub(" ", line)
    letters = _ONE_LETTER.findall(plain)
    if len(letters) != 1:
        return None
    others = [word.casefold() for word in _WORDS.findall(_ONE_LETTER.sub(" ", plain))]
    known = all(word in _PLAIN_WORDS for word in others)
    return letters[0] if known and (others or plain != line) else None


_JUDGED_LINE = re.compile(
    r"^[ \t]*(?:[-*•|][ \t]*)?(?:\[(?P<box>[ xX✓✔])\][ \t]*)?\**[(（]?(?:option[ \t]+)?(?P<letter>[A-J])"
    r"(?![A-Za-z])[)）.]?\**[ \t]*(?:[|:：=—–-]+[ \t]*(?P<said>\**[A-Za-z]+\**|[✓✔✅✗✘❌×])?[ \t]*\|?"
    r"|(?P<rest>\S[^\n|]*)?)"
    r"[ \t]*[.]?[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_RIGHT = frozenset(("true", "right", "correct", "yes", "✓", "✔", "✅"))
_WRONG = frozenset(("false", "wrong", "incorrect", "no", "✗", "✘", "❌", "×"))


def ticked(answer: str) -> str | None:
    """Return the options that a list or table at the end ticks or calls right, such as `A, C`."""
    lines = [line for line in answer.rstrip().split("\n")[-10:] if line.strip()]
    judged: dict[str, bool] = {}
    for line in reversed(lines):
        found = _JUDGED_LINE.fullmatch(line)
        said = (found["said"] or "").strip("*").casefold() if found else ""
        box = found["box"] if found else None
        if (
            not found
            or not found["letter"].isupper()
            or (box is None and said not in _RIGHT | _WRONG)
        ):
            break
        if found["letter"] in judged:
            return None
        judged[found["letter"]] = bool(box.strip()) if box is not None else said in _RIGHT
    right = sorted(letter for letter, called in judged.items() if called)
    return ", ".join(right) if len(judged) > 1 and right else None
