"""Rules for every module of the package: each name has one meaning, and a test names each module."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "workflow" / "r1v3"
TESTED = ("recipe", "train", "reward", "generate")
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
# Constants that several modules define alike on purpose.
ALIKE = {
    "AGAIN": "what a fault of chaos says of itself; r1v3.chaos.fault reads it",
    "CASES": "what a fault of chaos says of itself; r1v3.chaos.fault reads it",
    "SAYS": "what a fault of chaos says of itself; r1v3.chaos.fault reads it",
    "possible": "what a fault of chaos says of itself; r1v3.chaos.fault reads it",
}


def homes_of_public_names() -> dict[str, set[str]]:
    """Return the modules that define each public function and class at top level."""
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


@cache
def constants() -> dict[str, dict[str, ast.expr]]:
    """Return the value of each public constant, by name and by the module that defines it."""
    found = defaultdict(dict)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            targets = (
                node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            )
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            for target in targets:
                if isinstance(target, ast.Name) and not target.id.startswith("_"):
                    found[target.id][path.relative_to(PACKAGE).as_posix()] = node.value
    return found


def test_no_two_modules_give_out_a_constant_of_one_name():
    given = defaultdict(set)
    for path in sorted(PACKAGE.parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("r1v3."):
                home = PACKAGE.parent.joinpath(*node.module.split(".")).with_suffix(".py")
                for alias in node.names:
                    if home.exists():
                        given[alias.name].add(home.relative_to(PACKAGE).as_posix())
    several = {name: sorted(given[name] & set(homes)) for name, homes in constants().items()}
    assert {name: homes for name, homes in several.items() if len(homes) > 1} == {}


def is_number(value: ast.expr) -> bool:
    """Return whether a value is a number, as a literal or as `2**20`."""
    parts = [part for part in ast.walk(value) if isinstance(part, ast.expr)]
    return all(
        isinstance(part, ast.BinOp | ast.UnaryOp)
        or (isinstance(part, ast.Constant) and isinstance(part.value, int | float))
        for part in parts
    )


def test_no_two_modules_define_a_constant_of_one_name_and_value():
    """Allow equal numbers, which may be equal by chance; all other values must be imported."""
    alike = {}
    for name, homes in constants().items():
        texts = defaultdict(list)
        for home, value in homes.items():
            typevar = isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar"
            if not typevar and not is_number(value):
                texts[ast.unparse(value)].append(home)
        twice = [homes for homes in texts.values() if len(homes) > 1]
        if twice and name not in ALIKE:
            alike[name] = twice
    assert alike == {}, "import all but one"


@cache
def names_in_tests() -> tuple[set[str], set[str]]:
    """Return the stems of test files, and the modules that they import or name in full."""
    stems, modules = set(), set()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        stems.add(path.stem)
        modules.update(re.findall(r"\br1v3(?:\.\w+)+", text))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("r1v3"):
                modules.update(f"{node.module}.{alias.name}" for alias in node.names)
    return stems, modules


@pytest.mark.parametrize("folder", TESTED)
def test_every_module_has_a_test_file_of_its_name_or_is_named_in_one(folder):
    stems, modules = names_in_tests()
    untested = []
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        known = f"test_{path.stem}" in stems or ".".join(parts) in modules
        if path.stem != "__init__" and not known:
            untested.append("/".join(parts))
    assert untested == []
