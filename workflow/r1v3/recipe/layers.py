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
LARGEST = 10 * 2**20  # bytes of a file; ours have some 100,000
DEEPEST = 50  # ours nest 10 deep
WHOLE = ("tasks", "forms")
OVER = "over"  # names the recipes that a recipe lies over; no key of the recipe itself


class _Loader(yaml.CSafeLoader):
    """YAML in which a key that stands twice is a mistake, not the last one's victory."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or not isinstance(key, str | int | float):
                raise yaml.MarkedYAMLError(
                    problem=f"a key is a word, not {key!r}"[:200], problem_mark=key_node.start_mark
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key '{key}' stands twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one file.

    Raises:
        RecipeError: the file is missing, cannot be read, is not YAML in UTF-8, or is not a mapping.
    """
    try:
        text = _text(Path(path))
        _nesting(text)
        content = yaml.load(text, _Loader)
    except FileNotFoundError:
        beside = sorted(p.name for p in Path(path).parent.glob("*.yaml"))
        raise RecipeError([f"{path}: no such file; beside it: {', '.join(beside)}"]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise RecipeError([f"{path}, line {line}: {error.problem}"]) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise RecipeError([f"{path}: {' '.join(str(error).split())}"]) from None
    except OSError as error:
        raise RecipeError([f"{path}: {error.strerror}; a YAML file is expected"]) from None
    except RecursionError:
        raise RecipeError([f"{path}: lists and mappings are nested too deeply"]) from None
    except ValueError as error:  # such as a date with a 13th month
        raise RecipeError([f"{path}: {error}"]) from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise RecipeError([f"{path}: a mapping of keys is expected"])
    return content


def _text(path: Path) -> str:
    """A file's text.

    Raises:
        RecipeError: it is no regular file, too large, or not UTF-8.
    """
    if path.exists() and not path.is_file():
        raise RecipeError([f"{path}: a YAML file is expected, and this is none"])
    if path.stat().st_size > LARGEST:
        raise RecipeError([f"{path}: larger than {LARGEST} bytes; a YAML file is expected"])
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        found = (
            "UTF-16"
            if wide
            else f"byte {data[error.start]:#04x} in line {data[: error.start].count(10) + 1}"
        )
        raise RecipeError([f"{path}: not UTF-8 ({found}); save it as UTF-8"]) from None


def _nesting(text: str) -> None:
    """Refuse what nests deeper than any configuration does, before it exhausts the stack.

    Raises:
        RecipeError: it does.
    """
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:
            mark = event.start_mark
            where = f"line {mark.line + 1}: " if mark else ""
            raise yaml.YAMLError(f"{where}more than {DEEPEST} lists and mappings in each other")


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
            self.merged = merge(self.merged, {k: v for k, v in part.items() if k != OVER})

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
