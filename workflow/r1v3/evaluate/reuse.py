"""Answers that lie beside: another suite of the same checkpoint may have asked the same questions.

A benchmark added to the recipe renames the suite's folder; what the older suite was answered under the
same settings is taken over, so that only the new benchmark is asked.
"""

import json
import os
import shutil
from pathlib import Path

SAME = ("version", "seed", "template", "images", "generation", "run", "checkpoint", "selection")
SAME_SAMPLING = ("protocol", "temperature", "top_p", "max_new_tokens")


def take_over(document: dict, names: dict[str, str], folder: Path) -> list[str]:
    """Copy whole files of answers from suites beside `folder`; returns the benchmarks taken over.

    Args:
        names: {benchmark: its id}, as the document has them.
    """
    taken = []
    for config in sorted(folder.parent.glob("*/config.json")):
        if config.parent == folder:
            continue
        other = json.loads(config.read_text()).get("document", {})
        if not _same_questions(document, other):
            continue
        for name, identity in names.items():
            if other.get("benchmarks", {}).get(name) != identity or name in taken:
                continue
            if _copy(config.parent / "responses", folder / "responses", name):
                taken.append(name)
    return taken


def _same_questions(ours: dict, theirs: dict) -> bool:
    if any(ours.get(key) != theirs.get(key) for key in SAME):
        return False
    mine, other = ours["evaluation"], theirs.get("evaluation", {})
    enough = other.get("runs", 0) >= mine["runs"]
    return enough and all(mine.get(key) == other.get(key) for key in SAME_SAMPLING)


def _copy(source: Path, target: Path, name: str) -> bool:
    files = sorted(source.glob(f"{name}.*-of-*.jsonl"))
    if not files or any(target.glob(f"{name}.*-of-*.jsonl")):
        return False
    target.mkdir(parents=True, exist_ok=True)
    for file in files:
        partial = target / f".{file.name}.{os.getpid()}.partial"
        shutil.copyfile(file, partial)
        os.replace(partial, target / file.name)
    return True
