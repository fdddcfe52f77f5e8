"""`r1v3 grade`, `explain` and `attack`: grades a file of rows, one answer, or made-up answers."""

import sys
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer


def grade_command(
    rows: Annotated[Path, typer.Argument(help="JSON lines; - is standard input")] = Path("-"),
    output: Annotated[Path, typer.Option(help="JSON lines; - is standard output")] = Path("-"),
    workers: Annotated[int, typer.Option(help="symbolic workers; 0 is one a core")] = 0,
) -> None:
    """Grade rows: JSON objects with response, gold and type, one a line. Verdicts keep the order."""
    from r1v3.reward.grade_rows import grade_lines

    with _opened(rows, "r") as source, _opened(output, "w") as target:
        target.writelines(grade_lines(source, str(rows), workers=workers))


def _opened(path: Path, mode: Literal["r", "w"]) -> TextIO:
    """Open a file, or a standard stream for -; characters that cannot be encoded become question marks."""
    if path == Path("-"):
        number = 0 if mode == "r" else 1
        return open(number, mode, encoding="utf-8", errors="replace", closefd=False)
    return open(path, mode, encoding="utf-8", errors="replace")


def explain_command(
    response: Annotated[str, typer.Option(help="the response; - is standard input")],
    gold: Annotated[list[str], typer.Option(help="an accepted answer, repeatable")],
    type: Annotated[str, typer.Option(help="of the question: mcq, mcq_multi, open or fill")],
    option: Annotated[
        list[str] | None, typer.Option(help="the text of an option, repeatable, in order")
    ] = None,
    question: Annotated[str | None, typer.Option()] = None,
    tolerance: Annotated[float | None, typer.Option(help="absolute, of a number")] = None,
) -> None:
    """Show how one answer is graded: format, extracted answer, verdict and reason."""
    from r1v3.reward.grader import grade
    from r1v3.reward.text.format import format_reward

    text = sys.stdin.read() if response == "-" else response
    verdict = grade(
        text,
        gold if len(gold) > 1 else gold[0],
        type,
        options=option or None,
        question=question,
        tolerance=tolerance,
    )
    print(f"format     {format_reward(text):.0f}")
    print(f"extracted  {printable(verdict.extracted)}")
    print(f"correct    {verdict.correct}")
    print(f"by         {verdict.by}")
    print(f"reason     {printable(verdict.reason)}")


def printable(text: str | None) -> str:
    """Return a text as one line of limited length for a terminal, with control characters as codes."""
    from r1v3.reward.verdict import shorten

    if text is None:
        return "(none)"
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shorten(text, 400))


def attack_command(
    questions: Annotated[
        Path, typer.Argument(help="JSON lines with gold, type and if known question and options")
    ],
    limit: Annotated[int, typer.Option(min=1, help="answers of a kind, drawn at random")] = 1_000,
    seed: Annotated[int, typer.Option(help="of the draw")] = 1,
    grader: Annotated[
        list[str] | None, typer.Option(help="a grader of those installed, repeatable; all else")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="where answers that we judge wrongly go, as JSON lines")
    ] = None,
) -> None:
    """Print which share of undeserved and of honest made-up answers each grader rewards."""
    import json

    from r1v3.reward.attack.question import read_questions
    from r1v3.reward.attack.run import attack, attack_table, judges, make, sample_answers

    installed = judges()
    unknown = set(grader or ()) - set(installed)
    if unknown:
        raise ValueError(
            f"--grader: {', '.join(sorted(unknown))}: not among {', '.join(installed)}"
        )
    chosen = {
        name: installed[name]
        for name in installed
        if name == "ours" or name in (grader or installed)
    }
    with _opened(questions, "r") as lines:
        asked = read_questions(lines, str(questions))
    if not asked:
        raise ValueError(f"{questions}: no question in it")
    table, wrong = attack(sample_answers(list(make(asked)), limit, seed), chosen)
    print(attack_table(table))
    if output:
        rows = [{"kind": one.kind, "deserved": one.honest, **one.row} for one in wrong]
        output.write_text(
            "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows), "utf-8"
        )
