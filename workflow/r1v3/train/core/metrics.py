"""`metrics.jsonl` has one line a step. MLflow and the report are made from it."""

import json
import math
from hashlib import sha256
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import MADE_AGAIN


class MetricsLog:
    """Appends steps to a file. After a resume it first drops the steps after the restored one.

    No manifest vouches for the curve of an unfinished run, so a second file has the same steps, each with its
    checksum. A resumed run takes from there what was cut or damaged in the first one.

    Args:
        keep_through: last step to keep if the file exists already.
        copy: the second file; None for none.
    """

    def __init__(self, path: Path, *, keep_through: int = -1, copy: Path | None = None):
        self.path, self.copy = Path(path), copy
        lines = {row["step"]: json.dumps(row) for row in read_metrics(self.path)}
        intact = _read_copy(copy)
        kept = {n: line for n, line in (lines | intact).items() if n <= keep_through}
        if mended := [n for n in kept if n in intact and lines.get(n) != intact[n]]:
            print(
                f"{self.path}: {len(mended)} damaged or lost steps are taken from {copy}",
                flush=True,
            )
        write_text(self.path, "".join(f"{kept[n]}\n" for n in sorted(kept)))
        if copy is not None:
            write_text(copy, "".join(_with_checksum(kept[n]) for n in sorted(kept)))

    def write(self, step: int, **values: Any) -> None:
        """Append the values of one step.

        Raises:
            FloatingPointError: the loss is not finite.
        """
        if not math.isfinite(values.get("loss", 0.0)):
            raise FloatingPointError(f"loss is {values['loss']} at step {step}")
        line = json.dumps({"step": step, **values})
        with self.path.open("a") as file:
            file.write(f"{line}\n")
        if self.copy is not None:
            with self.copy.open("a") as file:
                file.write(_with_checksum(line))


def copy_of(path: Path) -> Path:
    """Return where a run keeps the second file of a log: beside its states, which go when it ends."""
    return path.parent / "resume" / path.name


def _with_checksum(line: str) -> str:
    return f"{sha256(line.encode()).hexdigest()} {line}\n"


def _read_copy(path: Path | None) -> dict[int, str]:
    """Return the intact lines of a log's second file, by step."""
    if path is None or not path.exists():
        return {}
    intact: dict[int, str] = {}
    for stored in path.read_bytes().splitlines():
        checksum, _, line = stored.partition(b" ")
        row = read_row(line) if sha256(line).hexdigest().encode() == checksum else None
        if row is not None:
            intact[row["step"]] = line.decode()
    return intact


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read the steps that were written so far.

    A last line that a kill cut short is ignored. Any other unreadable line is reported and ignored.

    Raises:
        ValueError: it is no file, but a pipe or a device, from which reading may never end.
    """
    path = Path(path)
    if not path.exists():
        return []
    if not path.is_file():
        raise ValueError(
            f"{path}: damaged; a file of steps is expected, not a device; {MADE_AGAIN}"
        )
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


def finite_values(rows: list[dict[str, Any]], key: str) -> dict[int, float]:
    """Return the values of a metric by step. Steps without a finite number are left out."""
    return {
        row["step"]: row[key]
        for row in rows
        if isinstance(row.get(key), int | float) and math.isfinite(row[key])
    }


def _is_no_value(value: object) -> bool:
    """Text, mappings, and whole numbers of more than 64 bits, which a damaged digit can make."""
    return isinstance(value, str | dict) or (isinstance(value, int) and abs(value) >= 2**63)


def read_row(line: bytes) -> dict[str, Any] | None:
    """Parse a step's values (numbers, null or lists); None if the line holds no step."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or type(row.get("step")) is not int:
        return None
    if not 0 <= row["step"] < 2**63 or any(map(_is_no_value, row.values())):
        return None
    return row if isinstance(row.get("seconds", 0.0), int | float) else None
