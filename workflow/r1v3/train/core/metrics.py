"""`metrics.jsonl` has one line a step. MLflow and the report are made from it."""

import json
import math
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_text


class MetricsLog:
    """Appends steps to a file. After a resume it first drops the steps after the restored one.

    Args:
        keep_through: last step to keep if the file exists already.
    """

    def __init__(self, path: Path, *, keep_through: int = -1):
        self.path = Path(path)
        kept = [row for row in read_metrics(self.path) if row["step"] <= keep_through]
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))

    def write(self, step: int, **values: Any) -> None:
        """Append the values of one step.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        if not math.isfinite(values.get("loss", 0.0)):
            raise FloatingPointError(f"loss is {values['loss']} at step {step}")
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read the steps that were written so far.

    A last line that a kill cut short is ignored. Any other unreadable line is reported and ignored.
    """
    if not Path(path).exists():
        return []
    rows: list[dict[str, Any]] = []
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            row = read_row(line)
            if row is not None:
                rows.append(row)
            elif line.endswith(b"\n"):
                print(
                    f"{path}, line {number}: no step can be read here; it is left out", flush=True
                )
    return rows


def read_row(line: bytes) -> dict[str, Any] | None:
    """Parse a step's values (numbers, null or lists); None if the line holds no step."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return None
    if not 0 <= row["step"] < 2**63 or any(isinstance(value, str | dict) for value in row.values()):
        return None
    return row if isinstance(row.get("seconds", 0.0), int | float) else None
