"""A fault is a file. Its first line says what happens, and `strike` does it. See docs/reliability.md.

    \"\"\"kill -9 of Snakemake while RL trains\"\"\"

    SAYS = "is taken|another process"   # a regular expression that one line on the screen must have

    def strike(tree):
        call = tree.call()
        tree.training(call)
        call.kill()

Optional names: `AGAIN`, the results that are made again during the round (some of `rl`, `answers`, `scores`;
or none); `CASES`, names of cases, each of which is a round and is the second argument of `strike`;
`mend(tree)`, which does what a message asks a person to do; `possible()`, which returns a reason if this
machine cannot play the fault.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from r1v3.chaos.tree import Tree

FAULTS = Path(__file__).with_name("faults")


@dataclass(frozen=True)
class Fault:
    """One way to damage a tree."""

    name: str
    what: str
    strike: Callable[..., None]
    says: str = ""
    again: tuple[str, ...] = ("rl",)
    cases: tuple[str, ...] = ("",)
    mend: Callable[[Tree], None] = field(default=lambda tree: None)
    possible: Callable[[], str] = field(default=lambda: "")


def read_faults(folder: Path) -> list[Fault]:
    """Read the faults of a folder, one a file. Files whose name begins with `_` are ignored.

    Raises:
        ValueError: a file lacks its docstring or `strike`.
    """
    paths = sorted(folder.glob("*.py"))
    return [_read(path) for path in paths if not path.name.startswith("_")]


def chosen_faults(faults: list[Fault], only: list[str]) -> list[Fault]:
    """Return the faults that `--only` names, each with all its cases, or one case as in `damage:weights`.

    Raises:
        ValueError: there is no such fault or case.
    """
    by_name = {fault.name: fault for fault in faults}
    cases: dict[str, list[str]] = {}
    for each in only:
        name, colon, case = each.partition(":")
        if name not in by_name:
            raise ValueError(f"--only: there is no fault {name}; there are {', '.join(by_name)}")
        known = by_name[name].cases
        if colon and case not in known:
            raise ValueError(f"--only: {name} has no case {case}; it has {', '.join(known)}")
        cases.setdefault(name, []).extend([case] if colon else known)
    return [replace(by_name[name], cases=tuple(dict.fromkeys(c))) for name, c in cases.items()]


def _read(path: Path) -> Fault:
    spec = importlib.util.spec_from_file_location(f"r1v3_fault_{path.stem}", path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not module.__doc__ or not callable(getattr(module, "strike", None)):
        raise ValueError(
            f"{path}: a fault has a first line that says what happens, and `strike(tree)`"
        )
    given = {
        name: getattr(module, name.upper())
        if hasattr(module, name.upper())
        else getattr(module, name)
        for name in ("says", "again", "cases", "mend", "possible")
        if hasattr(module, name.upper()) or hasattr(module, name)
    }
    what = module.__doc__.strip().splitlines()[0].rstrip(".")
    return Fault(path.stem, what, module.strike, **given)
