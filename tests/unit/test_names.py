"""A public name of the package stands for one thing."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "workflow" / "r1v3"
# Names that several modules define on purpose: each is one thing that has several makers.
SHARED = {
    "main": "what a module does that is started as a program",
    "strike": "what a fault of chaos does; r1v3.chaos.fault calls it",
    "items_of_row": "a hook of a benchmark's module",
    "describe_row": "a hook of a benchmark's module",
    "own_verdict": "a hook of a benchmark's module",
    "score_items": "a hook of a benchmark's module",
    "learn": "the step of both trainers, read side by side",
    "mmk12": "a data set of this name: its rows, and its miniature, are found by it",
}


def homes_of_public_names() -> dict[str, set[str]]:
    """The modules that define each public function and class at their top."""
    found = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found[node.name].add(path.relative_to(PACKAGE).as_posix())
    return {name: homes for name, homes in found.items() if not name.startswith("_")}


def test_no_two_modules_define_the_same_public_name():
    several = {name: homes for name, homes in homes_of_public_names().items() if len(homes) > 1}
    unknown = {name: sorted(homes) for name, homes in several.items() if name not in SHARED}
    assert not unknown, "rename all but one, or say in SHARED why they are one thing"


def test_the_list_of_shared_names_holds_no_name_that_is_gone():
    homes = homes_of_public_names()
    assert [name for name in SHARED if len(homes.get(name, ())) < 2] == []
