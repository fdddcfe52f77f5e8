"""Words in place of Snakemake's own, for what people meet: a target that no rule makes, a lock, a full disk.

What a call asks for is known to Snakemake only after the rules are read, and it alone meets some errors of
the file system, for which it shows a traceback. So its messages are replaced as they are logged.
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
    """Names what was probably meant where Snakemake says that no rule produces a target."""

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
    """Says who keeps this Snakemake out of its folder."""

    def filter(self, record: logging.LogRecord) -> bool:
        if "Directory cannot be locked" in record.getMessage():
            record.msg, record.args = why_locked(Path.cwd()), ()
        return True


class DiskErrors(logging.Filter):
    """Says what, where and what to do where the file system stops Snakemake.

    `--verbose` still shows the traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = sys.exc_info()[1]
        if record.levelno >= logging.ERROR and isinstance(error, OSError) and error.errno:
            record.msg, record.args = sentence(error), ()
        return True


def near(target: str, names: Iterable[str]) -> str:
    """The end of a message: what was probably meant, nearest first, or where to look."""
    close = difflib.get_close_matches(target, list(names), n=SHOWN, cutoff=NEAR)
    if not close:
        return "; a rule, or a file below results/ is expected: `snakemake --list` shows the rules"
    return f"; did you mean {' or '.join(repr(each) for each in close)}?"


def _names(rules: Iterable[Any]) -> list[str]:
    """Rules, and the files that they make, with each name that a wildcard may stand for."""
    found: list[str] = []
    for rule in rules:
        found.append(rule.name)
        for product in rule.products():
            found += _filled(str(product))
    return found


def _filled(pattern: str) -> list[str]:
    """The paths of an output; none where a wildcard stands for anything but a choice of names."""
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
