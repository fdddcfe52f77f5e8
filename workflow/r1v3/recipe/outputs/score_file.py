"""Reads `scores.json` of an evaluation as what it must be."""

from pathlib import Path

from r1v3.base.json_file import MADE_AGAIN, Json, read_json

# The number that stands for each entry, by section.
NUMBERS = {"benchmarks": "mean", "held_out": "accuracy"}


def read_score_file(path: Path) -> Json:
    """What the file holds: benchmarks and held-out sets by name, each with its `mean` or `accuracy`.

    Raises:
        ValueError: the file is damaged or holds something else; the message names it and the entry.
    """
    content = read_json(path, *NUMBERS)
    for section, number in NUMBERS.items():
        entries = content[section]
        if not isinstance(entries, dict):
            raise ValueError(f"{path}: damaged; {section} is no mapping; {MADE_AGAIN}")
        for name, entry in entries.items():
            value = entry.get(number) if isinstance(entry, dict) else None
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ValueError(
                    f"{path}: damaged; {section}.{name}.{number} is no number; {MADE_AGAIN}"
                )
    return content
