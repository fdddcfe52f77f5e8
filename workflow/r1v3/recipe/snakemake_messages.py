"""Replaces some of Snakemake's messages: a target that no rule makes, a lock, a full disk.

Snakemake knows what a call asks for only after it has read the rules. Some errors of the file system occur
in its own code, and it shows a traceback for them. So its messages are replaced when they are logged.
"""

import difflib
import itertools
import logging
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from r1v3.base.user_errors import sentence
from r1v3.recipe.locks import why_locked

NEAR, SHOWN = 0.6, 3
MISSING = re.compile(r"No rule to produce (.+?) \(if you use input functions")


class NearTargets(logging.Filter):
    """Adds the target that was probably meant to the message that no rule produces a target."""

    def __init__(self, workflow: Any):
        super().__init__()
        self.workflow = workflow

    def filter(self, record: logging.LogRecord) -> bool:
        found = MISSING.search(record.getMessage())
        if found:
            target = found[1]
            record.msg = f"nothing makes '{target}'{near(target, _names(self.workflow.rules))}"
            record.args = ()
        return True


class Locked(logging.Filter):
    """Replaces the message about a lock by one that says which process has it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if "Directory cannot be locked" in record.getMessage():
            record.msg, record.args = why_locked(Path.cwd()), ()
        return True


class DiskErrors(logging.Filter):
    """Replaces an error of the file system by one that says what happened, where, and what to do.

    `--verbose` still shows the traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = sys.exc_info()[1]
        if record.levelno >= logging.ERROR and isinstance(error, OSError) and error.errno:
            record.msg, record.args = sentence(error), ()
        return True


def near(target: str, names: Iterable[str]) -> str:
    """Return the end of a message: the names that were probably meant, nearest first, or where to look."""
    close = difflib.get_close_matches(target, list(names), n=SHOWN, cutoff=NEAR)
    if not close:
        return "; a rule, or a file below results/ is expected: `snakemake --list` shows the rules"
    return f"; did you mean {' or '.join(repr(each) for each in close)}?"


def _names(rules: Iterable[Any]) -> list[str]:
    """Return the names of rules, and of the files that they make, with wildcards filled in."""
    found: list[str] = []
    for rule in rules:
        found.append(rule.name)
        for product in rule.products():
            found += _filled(str(product))
    return found


def _filled(pattern: str) -> list[str]:
    """Return the paths of an output; none if a wildcard stands for anything but a choice of names."""
    from snakemake.io import WILDCARD_REGEX

    choices: dict[str, list[str]] = {}
    for wildcard in WILDCARD_REGEX.finditer(pattern):  # {name} or {name,constraint}
        parts = (wildcard["constraint"] or "").strip().split("|")
        if all(re.fullmatch(r"[\w-]+", part) for part in parts):
            choices[wildcard["name"]] = parts
        elif wildcard["name"] not in choices:
            return []
    found: list[str] = []
    for chosen in itertools.product(*choices.values()):
        named = dict(zip(choices, chosen, strict=True))
        found.append(WILDCARD_REGEX.sub(lambda each, named=named: named[each["name"]], pattern))
    return found
