"""The page "Errors": every error that a user can cause or meet, read from the code that raises it.

python docs/error_list.py        writes docs/errors.md
"""

import ast
import errno
import os
import textwrap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "errors.md"
LIBRARY = ROOT / "workflow" / "r1v3"
# Errors that carry a sentence for people. Others are caught inside, or are mistakes of this project.
TOLD = {
    *("ValueError", "OSError", "RuntimeError", "FloatingPointError", "FileNotFoundError"),
    *("RecipeError", "UnreadableFileError", "ServerError", "VerifierError", "UnjudgedError"),
    *("AnswersMissingError", "Disagreement", "TemplateError", "StoreError", "Changed"),
    *("MismatchError", "BadParameter"),
}
# Chaos speaks to those who test; the floor of rewards reads answers, whose errors become verdicts.
SKIPPED = ("chaos", "reward/maths", "reward/text", "reward/attack")
HEAD = """# Errors

Each error says what happened and where. Where the remedy is not plain from that, it stands after
the last semicolon. Tracebacks go to `.traceback.log` beside the output of a stage;
`R1V3_TRACEBACK=1` shows them instead. Words in angle brackets stand for what differs from case to
case.

`python docs/error_list.py` writes this page from the code.

## Of the machine

| error | what to do |
| -- | -- |
"""


def of_machine() -> Iterator[str]:
    """The errors of the system that `r1v3.base.user_errors` explains."""
    tree = ast.parse((LIBRARY / "base" / "user_errors.py").read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "REMEDIES":
            assert isinstance(node.value, ast.Dict)
            for name, said in zip(node.value.keys, node.value.values):
                number = getattr(errno, ast.unparse(name).removeprefix("errno."))
                yield f"| {os.strerror(number)} | {ast.literal_eval(said)} |"


def messages(path: Path) -> Iterator[str]:
    """The message of each error that a module raises, with `<...>` for what differs."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
            continue
        name = ast.unparse(node.exc.func).rpartition(".")[2]
        if name in TOLD and node.exc.args and (said := _text(node.exc.args[0])).strip("<>"):
            yield said


def _text(node: ast.expr) -> str:
    """A literal, an f-string, or a list of such; names become `<name>`."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return f"<{_short(ast.unparse(node.value))}>"
    if isinstance(node, ast.List):
        return "; ".join(_text(item) for item in node.elts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _text(node.left) + _text(node.right)
    return ""


def _short(code: str) -> str:
    word = code.split("(")[-1].split(")")[0].split("[")[0].rpartition(".")[2]
    return word if word.isidentifier() else "..."


def error_list() -> str:
    """The whole page."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(LIBRARY.rglob("*.py")):
        name = path.relative_to(LIBRARY).as_posix()
        if not name.startswith(SKIPPED):
            found[name] += messages(path)
    lines = [HEAD + "\n".join(of_machine())]
    package = ""
    for name, said in found.items():
        if not said:
            continue
        if name.partition("/")[0] != package:
            package = name.partition("/")[0]
            lines += ["```"] * (len(lines) > 1)
            lines.append(f"\n## In {package}\n\n```text")
        lines.append(name)
        lines += [_wrapped(each) for each in dict.fromkeys(said)]
    return "\n".join([*lines, "```"]) + "\n"


def _wrapped(text: str) -> str:
    """A message below its file, in lines that fit the page."""
    options = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(
        " ".join(text.split()), 98, initial_indent="    ", subsequent_indent="        ", **options
    )


if __name__ == "__main__":
    PAGE.write_text(error_list())
