"""Reads `scores.json` of an evaluation, and checks its types."""

from pathlib import Path

from r1v3.base.json_file import MADE_AGAIN, Json, read_json

# The key of each entry's main number, by section.
NUMBERS = {"benchmarks": "mean", "held_out": "accuracy"}


def read_score_file(path: Path) -> Json:
    """Return the content of the file: benchmarks and held-out sets by name, each with `mean` or `accuracy`.

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
