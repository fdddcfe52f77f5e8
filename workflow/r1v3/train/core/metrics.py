"""`metrics.jsonl`: one line a step; MLflow and the report are made from it."""

import json
import math
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_text


class MetricsLog:
    """Appends steps to a file; after a resume it drops the steps past the restored one.

    Args:
        keep_through: the last step to keep of a file that is there already.
    """

    def __init__(self, path: Path, *, keep_through: int = -1):
        self.path = Path(path)
        kept = [row for row in read_metrics(self.path) if row["step"] <= keep_through]
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))

    def write(self, step: int, **values: Any) -> None:
        """Append one step's values.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        if not math.isfinite(values.get("loss", 0.0)):
            raise FloatingPointError(f"loss is {values['loss']} at step {step}")
        with self.path.open("a") as file:
            file.write(json.dumps({"step": step, **values}) + "\n")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The steps written so far.

    A last line that a kill cut short is left out; any other line that cannot be read is named.
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
    """A step's values: numbers, nothing, or lists; None where a line holds no step."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return None
    if not 0 <= row["step"] < 2**63 or any(isinstance(value, str | dict) for value in row.values()):
        return None
    return row if isinstance(row.get("seconds", 0.0), int | float) else None
