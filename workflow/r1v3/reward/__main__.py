r"""Grade at the prompt or from a file.

python -m r1v3.reward explain --gold 12 --type open --response '<think>..</think> \boxed{12}'
python -m r1v3.reward grade --input rows.jsonl --output verdicts.jsonl
"""

import argparse
import json
import sys
from pathlib import Path

from r1v3.reward.grader import Grader, grade
from r1v3.reward.rules import TYPES, check_type
from r1v3.reward.text.format import format_reward
from r1v3.reward.verdict import shorten

BATCH_ROWS = 2_000


def explain(arguments: argparse.Namespace) -> None:
    """Print the whole record of one answer."""
    response = sys.stdin.read() if arguments.response == "-" else arguments.response
    gold = arguments.gold if len(arguments.gold) > 1 else arguments.gold[0]
    verdict = grade(
        response,
        gold,
        arguments.type,
        options=arguments.options,
        question=arguments.question,
        tolerance=arguments.tolerance,
    )
    print(f"format     {format_reward(response):.0f}")
    print(f"extracted  {visible(verdict.extracted)}")
    print(f"correct    {verdict.correct}")
    print(f"by         {verdict.by}")
    print(f"reason     {visible(verdict.reason)}")


def visible(text: str | None) -> str:
    """Return text fit for a terminal: one line, bounded, control characters shown as codes."""
    if text is None:
        return "(none)"
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in shorten(text, 400))


def grade_file(arguments: argparse.Namespace) -> None:
    """Grade a file of rows, one JSON object a line, verdicts in the same order."""
    with (
        Grader(workers=arguments.workers) as grader,
        Path(arguments.input).open(encoding="utf-8", errors="replace") as source,
        Path(arguments.output).open("w", encoding="utf-8", errors="replace") as target,
    ):
        batch = []
        for number, line in enumerate(source, start=1):
            if line.strip():
                batch.append(_read_row(line, f"{arguments.input}:{number}"))
            if len(batch) == BATCH_ROWS:
                _write(grader, batch, target)
                batch = []
        _write(grader, batch, target)


def _read_row(line: str, where: str) -> dict:
    try:
        row = json.loads(line)
        check_type(row["type"])
        return {"response": row["response"], "gold": row["gold"], **row}
    except (KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"{where}: {type(error).__name__}: {error}") from None


def _write(grader: Grader, batch: list[dict], target) -> None:
    for row, verdict in zip(batch, grader.grade_many(batch), strict=True):
        target.write(json.dumps(verdict.as_row(row.get("id")), ensure_ascii=False) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m r1v3.reward", description=__doc__)
    commands = parser.add_subparsers(required=True)

    one = commands.add_parser("explain", help="show the record of one answer")
    one.add_argument("--response", required=True, help="the response, or - for stdin")
    one.add_argument("--gold", required=True, nargs="+", help="the accepted answer or answers")
    one.add_argument("--type", required=True, choices=TYPES)
    one.add_argument("--options", nargs="+", help="option texts in order")
    one.add_argument("--question")
    one.add_argument("--tolerance", type=float)
    one.set_defaults(run=explain)

    many = commands.add_parser("grade", help="grade a file of rows")
    many.add_argument("--input", required=True)
    many.add_argument("--output", required=True)
    many.add_argument("--workers", type=int, default=0, help="symbolic workers, 0 for one per core")
    many.set_defaults(run=grade_file)

    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
