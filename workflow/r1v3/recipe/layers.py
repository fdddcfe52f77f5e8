"""Merges YAML files in layers, and remembers which file each key came from.

`paper.yaml` is complete. `tiny.yaml` is laid over it, and a test may lay a third file over both. Mappings
are merged key by key. Lists and plain values replace the old ones, and so do the weights of `tasks` and
`forms`. A model whose `source` changes replaces the old model as a whole. So does a data set or data source
whose `kind` changes.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from r1v3.recipe.errors import KeyPath, RecipeError, clip_value

TAGS = {"models": "source", "data": "kind"}
LARGEST = 10 * 2**20  # bytes of a file; ours have about 100,000
DEEPEST = 50  # ours nest 10 deep
WHOLE = ("tasks", "forms")
SCALAR = "tag:yaml.org,2002:"  # what the tags of YAML's own types begin with
OVER = "over"  # names the recipes under a recipe; it is not a key of the recipe itself


class _Loader(yaml.CSafeLoader):
    """Reads YAML, and refuses a key that occurs twice instead of keeping the last one.

    It also refuses numbers that mean something else than a reader sees: YAML 1.1 reads `1:30` as 90, and
    `010` as 8.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return a value. An error names the line of a value that does not fit its tag."""
        kind = node.tag.removeprefix(SCALAR)
        if kind in ("int", "float") and isinstance(node, yaml.ScalarNode) and _odd(node.value):
            raise yaml.MarkedYAMLError(
                problem=f"'{clip_value(node.value)}' is no decimal number; write it as one, or in quotes",
                problem_mark=node.start_mark,
            )
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError):
            raise yaml.MarkedYAMLError(
                problem=f"'{clip_value(str(node.value))}' is no {kind}",
                problem_mark=node.start_mark,
            ) from None

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge the mappings that `<<` names into a mapping, with each key once.

        If repeated keys stayed, a few lines of YAML could fill the memory. A mapping that was merged into
        another one may come here again. Its keys are then checked already.
        """
        if not getattr(node, "flat", False):
            self._check_keys(node)
            super().flatten_mapping(node)
            pairs = {(key.tag, key.value): (key, value) for key, value in node.value}
            node.value = list(pairs.values())
            setattr(node, "flat", True)  # noqa: B010 - nodes take further names

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int | float) or isinstance(key, bool) or key != key:
                written = getattr(key_node, "value", "")
                shown = written if isinstance(written, str) and written else repr(key)
                raise yaml.MarkedYAMLError(
                    problem=f"a key is a word, not {clip_value(shown)}; put it in quotes if it is one",
                    problem_mark=key_node.start_mark,
                )
            if key in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"key '{clip_value(key)}' stands twice",
                    problem_mark=key_node.start_mark,
                )
            seen.add(key)


# What a person can do about a parser's message, by a part of the message.
PLAIN = {
    "cannot start any token": "put the value in quotes, and indent by spaces, not by tabs",
    "could not determine a constructor": "leave the tag out, or put the value in quotes",
    "but found another document": "a file holds one; leave out what follows `---`",
    "undefined alias": "name it by & above, or put the value in quotes",
    "mapping values are not allowed": "put a value that holds `: ` in quotes, and look at the indent",
    "did not find expected": "look for an open bracket or quote, or another indent, here or above",
    "unexpected end of stream": "close the bracket or quote that is open",
    "for merging": "after `<<:` comes a mapping, or the name of one",
    "base64": "write text as it is",
    "YAML document": "leave out the line that begins with %",
    "directive": "leave out the line that begins with %, or put the value in quotes",
    "escape code": "write the character itself",
    "expected a ": "leave the tag out",
}


def _plain(problem: str | None) -> str:
    """Return a parser's message and what to do about it."""
    said = problem or "no YAML"
    remedy = next((words for part, words in PLAIN.items() if part in said), None)
    return f"{said}; {remedy}" if remedy else said


def _odd(number: str) -> bool:
    """Return whether a number is written in base 60, 8, 16 or 2, so that it is not what it looks like."""
    digits = number.lstrip("+-")
    return ":" in digits or (len(digits) > 1 and digits[0] == "0" and digits.isalnum())


def read_yaml(path: Path) -> dict[str, Any]:
    """Read one YAML file as a mapping.

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
        raise RecipeError([f"{path}, line {line}: {_plain(error.problem)}"]) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise RecipeError([f"{path}: {' '.join(str(error).split())}"]) from None
    except OSError as error:
        raise RecipeError([f"{path}: {error.strerror}; a YAML file is expected"]) from None
    except RecursionError:
        raise RecipeError([f"{path}: lists and mappings are nested too deeply"]) from None
    except RecipeError:
        raise
    except ValueError as error:  # such as a path with a NUL
        raise RecipeError([f"{path}: {error}"]) from None
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise RecipeError([f"{path}: a mapping of keys is expected"])
    return content


def _text(path: Path) -> str:
    """Return a file's text.

    Raises:
        RecipeError: it is no regular file, too large, or not UTF-8.
    """
    if path.exists() and not path.is_file():
        raise RecipeError([f"{path}: a YAML file is expected, and this is none"])
    if path.stat().st_size > LARGEST:
        raise RecipeError([f"{path}: larger than {LARGEST} bytes; a YAML file is expected"])
    data = path.read_bytes()
    if b"\0" in data and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RecipeError([f"{path}: not UTF-8 (NUL characters, as UTF-16 has); save it as UTF-8"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"byte {data[error.start]:#04x} in line {data[: error.start].count(10) + 1}"
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            found = "UTF-32" if data[2:4] == b"\0\0" else "UTF-16"
        raise RecipeError([f"{path}: not UTF-8 ({found}); save it as UTF-8"]) from None


def _nesting(text: str) -> None:
    """Refuse lists and mappings that are nested too deeply, before they exhaust the stack.

    Raises:
        yaml.YAMLError: they are nested more than `DEEPEST` deep.
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
    """Return one mapping laid over another, without changing either.

    Args:
        section: the top-level key that both mappings are below; None at the top.
    """
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
    """Several files, each laid over those before it."""

    def __init__(self, paths: list[Path]):
        self.parts = [(path, read_yaml(path)) for path in paths]
        self.merged: dict[str, Any] = {}
        for _, part in self.parts:
            self.merged = merge(self.merged, {k: v for k, v in part.items() if k != OVER})

    def file_of(self, path: KeyPath) -> Path:
        """Return the file that decides a key; for a key in no file, the one where it belongs."""
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
