"""Records which code computed a result, and finds results that other code computed.

A result records the fingerprint of each module that its rule can reach by imports, lazy ones included. A
fingerprint does not depend on comments, docstrings or line breaks. Modules of `r1v3.recipe` are left out,
because the settings are in the result's hash (docs/identity.md). So are engines that the result does not
use.
"""

import ast
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from r1v3.recipe.graph.identity import RESOLVED, Node

PACKAGE = "r1v3"
HERE = Path(__file__).parents[2]
ENGINES = f"{PACKAGE}.generate"
# The client of a server is never left out: judge, reward model and verifier are asked through it.
OWN = {"vllm": f"{ENGINES}.vllm", "transformers": f"{ENGINES}.in_process"}
STARTED = {  # modules that others start by `python -m`
    "r1v3.model.foreign_template": "r1v3.model.template_process",
    "r1v3.generate.apart.engine": "r1v3.generate.apart.process",
}
ASKING = ("reject", "grpo", "probe", "evaluate")  # rules that ask a model
DIGITS = 10
SHOWN = 3

# The modules that the script of each rule calls. A rule that only shows results has no entry.
ENTRY = {
    "prepare": ("r1v3.data.prepare",),
    "reject": ("r1v3.data.sampling.reject",),
    "evaluation_index": ("r1v3.data.decontamination.evaluation_index", "r1v3.evaluate.questions"),
    "model": ("r1v3.train.base_model",),
    "sft": ("r1v3.train.sft.trainer",),
    "grpo": ("r1v3.train.grpo.trainer",),
    "probe": ("r1v3.train.probe.probe_checkpoint",),
    "select_checkpoint": ("r1v3.train.probe.select_checkpoint",),
    "benchmark": ("r1v3.evaluate.items.source",),
    "evaluate": ("r1v3.evaluate.answer",),
    "score": ("r1v3.evaluate.score",),
}
# Modules that are imported by a computed name: the package that contains them.
BY_NAME = {"r1v3.evaluate.items.load": "r1v3.evaluate.benchmarks"}


@dataclass(frozen=True)
class Outdated:
    """One output that other code computed, with the modules that differ."""

    rule: str
    output: str
    modules: tuple[str, ...]


def rule_of(config: dict[str, Any]) -> str:
    """Return the rule that makes a folder's manifest, from the content of `config.json`."""
    kind: str = config["kind"]
    if kind == "data":
        return "reject" if "questions" in config[RESOLVED] else "prepare"
    return {"probe": "select_checkpoint", "evaluation": "evaluate"}.get(kind, kind)


def code_for(rule: str, resolved: dict[str, Any]) -> dict[str, str]:
    """Return the fingerprint of each module that a rule's code can reach, by the module's name.

    Args:
        resolved: the result's resolved config, which names the engine.
    """
    return _code(rule, resolved.get("generation", {}).get("engine"))


@cache
def _code(rule: str, engine: str | None) -> dict[str, str]:
    left_out = (f"{PACKAGE}.recipe", *(() if rule in ASKING else (ENGINES,)))
    left_out += tuple(folder for name, folder in OWN.items() if name != engine)
    found: dict[str, str] = {}
    waiting = [part for name in ENTRY.get(rule, ()) for part in _with_packages(name)]
    while waiting:
        name = waiting.pop()
        if name in found or any(f"{name}.".startswith(f"{each}.") for each in left_out):
            continue
        read = _module(name)
        if read is not None:
            found[name], imports = read
            waiting += imports
    return dict(sorted(found.items()))


def outdated(nodes: list[Node], root: Path) -> list[Outdated]:
    """Return the finished outputs of results that other code computed, without those that record no code."""
    found = []
    for node in nodes:
        for rule, path in _outputs(node, root):
            noted = _noted(path)
            if noted is None:
                continue
            now = code_for(rule, node.resolved)
            changed = sorted(name for name in {*noted, *now} if noted.get(name) != now.get(name))
            if changed:
                found.append(Outdated(rule, path.relative_to(root).as_posix(), tuple(changed)))
    return found


def outdated_lines(found: list[Outdated]) -> list[str]:
    """Return one line for each rule whose outputs other code computed."""
    lines = []
    for rule in dict.fromkeys(each.rule for each in found):
        of_rule = [each for each in found if each.rule == rule]
        modules = sorted({module for each in of_rule for module in each.modules})
        shown = ", ".join(modules[:SHOWN])
        more = f" and {len(modules) - SHOWN} more" if len(modules) > SHOWN else ""
        outputs = of_rule[0].output + (f" and {len(of_rule) - 1} more" if of_rule[1:] else "")
        lines.append(
            f"computed with other code: `--forcerun {rule}` to redo {outputs} (changed: {shown}{more})"
        )
    return lines


def _outputs(node: Node, root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the outputs of a result that record their code, each with its rule."""
    folder = root / node.folder
    if node.kind == "evaluation":
        yield "evaluate", folder / "responses.json"
        yield "score", folder / "scores.json"
        return
    if node.kind == "probe":
        for path in sorted(folder.glob("probe-step-*.json")):
            yield "probe", path
    yield rule_of(node.config), folder / "manifest.json"


def _noted(path: Path) -> dict[str, str] | None:
    """Return the code that an output records; None if there is no output, or it is older than this record."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    noted = content.get("code") if isinstance(content, dict) else None
    return noted if isinstance(noted, dict) else None


@cache
def _module(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Return a module's fingerprint and the modules of this package that it imports; None for no module."""
    path = _file(name)
    if path is None:
        return None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports = set(_imports(tree))
    if name in BY_NAME:
        folder = HERE.joinpath(*BY_NAME[name].split(".")[1:])
        imports |= {f"{BY_NAME[name]}.{each.stem}" for each in folder.glob("[!_]*.py")}
    imports |= {STARTED[name]} if name in STARTED else set()
    bare = _Bare().visit(tree)
    return _digest(ast.dump(bare).encode()), tuple(sorted(imports - {name}))


def _file(name: str) -> Path | None:
    """Return the file of a module, or the `__init__` of a package."""
    place = HERE.joinpath(*name.split(".")[1:])
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(tree: ast.Module) -> Iterator[str]:
    """Yield names of this package's modules that a module imports when it runs, with their packages."""
    for node in _executed(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
            yield from _with_packages(str(node.module))
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Import):
            for each in node.names:
                if each.name.split(".")[0] == PACKAGE:
                    yield from _with_packages(each.name)


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    for end in range(2, len(parts) + 1):
        yield ".".join(parts[:end])


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes except those below `if TYPE_CHECKING:`, which never run."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _executed(child)


class _Bare(ast.NodeTransformer):
    """Removes docstrings, and statements that are only a string."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return node


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
