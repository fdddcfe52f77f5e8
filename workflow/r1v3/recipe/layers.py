"""YAML files laid over each other, remembering which file every key came from.

`paper.yaml` is complete; `tiny.yaml` lies over it, and a test may lay a third file over both. Mappings
merge key by key; lists and plain values replace, and so do the weights of `tasks` and `forms`. A model
whose `source` changes, and a data set or data source whose `kind` changes, is another sort of thing and
replaces the old one as a whole.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from r1v3.recipe.errors import KeyPath, RecipeError

TAGS = {"models": "source", "data": "kind"}
WHOLE = ("tasks", "forms")


class _Loader(yaml.CSafeLoader):
    """YAML in which a key that stands twice is a mistake, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key '{key}' stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one file.

    Raises:
        RecipeError: the file is missing, is not YAML, or is not a mapping.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            content = yaml.load(stream, _Loader)
    except FileNotFoundError:
        beside = sorted(p.name for p in Path(path).parent.glob("*.yaml"))
        raise RecipeError([f"{path}: no such file; beside it: {', '.join(beside)}"]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise RecipeError([f"{path}, line {line}: {error.problem}"]) from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise RecipeError([f"{path}: a mapping of keys is expected"])
    return content


def merge(
    under: dict[str, Any], over: dict[str, Any], section: str | None = None
) -> dict[str, Any]:
    """Lay one mapping over another; neither is changed. `section` is the top key they lie below."""
    result = dict(under)
    for key, value in over.items():
        old, below = result.get(key), section or key
        if isinstance(old, dict) and isinstance(value, dict) and key not in WHOLE:
            value = value if _other_sort(old, value, below) else merge(old, value, below)
        result[key] = value
    return result


def _other_sort(old: dict[str, Any], new: dict[str, Any], section: str) -> bool:
    tag = TAGS.get(section)
    return tag in old and tag in new and old[tag] != new[tag]


class Layers:
    """Several files, the later over the earlier."""

    def __init__(self, paths: list[Path]):
        self.parts = [(path, read_yaml(path)) for path in paths]
        self.merged: dict[str, Any] = {}
        for _, part in self.parts:
            self.merged = merge(self.merged, part)

    def file_of(self, path: KeyPath) -> Path:
        """The file that had the last word on a key; for one that is in none, where it belongs."""
        for file, part in reversed(self.parts):
            if _holds(part, path):
                return file
        for length in range(len(path) - 1, 0, -1):
            for file, part in self.parts:
                if _holds(part, path[:length]):
                    return file
        return self.parts[0][0]


def _holds(part: object, path: KeyPath) -> bool:
    for step in path:
        if isinstance(part, dict) and step in part:
            part = part[step]
        elif isinstance(part, list) and isinstance(step, int) and step < len(part):
            part = part[step]
        else:
            return False
    return True
