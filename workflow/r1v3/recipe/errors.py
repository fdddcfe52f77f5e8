"""Mistakes in the configuration, told in one line each: file, run, key, allowed values."""

import difflib
import re
import types
import typing
from collections.abc import Callable, Iterable

from pydantic import BaseModel, ValidationError


class RecipeError(ValueError):
    """One or more mistakes in the configuration; `str()` of it is what the user reads."""

    def __init__(self, lines: Iterable[str]):
        self.lines = list(lines)
        super().__init__("\n".join(self.lines))


def suggest(word: object, allowed: Iterable[str]) -> str:
    """The tail of a message: what is allowed, and which of it was probably meant."""
    names = [str(name) for name in allowed]
    close = difflib.get_close_matches(str(word), names, n=1)
    meant = f"; did you mean '{close[0]}'?" if close else ""
    return f"allowed: {', '.join(names) or 'none'}{meant}"


def unknown(what: str, word: object, allowed: Iterable[str]) -> str:
    """A message about a name that refers to nothing."""
    return f"there is no {what} '{word}'; {suggest(word, sorted(allowed))}"


def explain(
    error: ValidationError, kind: object, data: object, where: Callable[[tuple], str]
) -> list[str]:
    """Turn pydantic's errors into one line each.

    Args:
        kind: the annotation that was validated, from which allowed keys are read.
        data: what was validated.
        where: gives the beginning of a line (file, run) for a path of keys.
    """
    lines = []
    for item in error.errors():
        raw = item["loc"]
        path = _real_path(raw, data)
        lines.append(f"{where(path)}: {_message(item, kind, raw, path)}")
    return lines


def _message(item: dict, kind: object, raw: tuple, path: tuple) -> str:
    parent, key = ".".join(map(str, path[:-1])), path[-1] if path else ""
    inside = f"{parent}: " if parent else ""
    match item["type"]:
        case "extra_forbidden":
            keys = _keys(_annotation(kind, raw[:-1]))
            return f"{inside}unknown key '{key}'; {suggest(key, keys)}"
        case "missing":
            return f"{inside}key '{key}' is missing"
        case "union_tag_not_found":
            tag = item["ctx"]["discriminator"].strip("'")
            return f"{'.'.join(map(str, path))}: key '{tag}' is missing"
        case "union_tag_invalid":
            tag = item["ctx"]["discriminator"].strip("'")
            allowed = re.findall(r"'([^']*)'", item["ctx"]["expected_tags"])
            full = ".".join(map(str, (*path, tag)))
            return f"{full}: '{item['ctx']['tag']}' is not known; " + suggest(
                item["ctx"]["tag"], allowed
            )
        case "literal_error":
            allowed = re.findall(r"'([^']*)'|(\d+)", item["ctx"]["expected"])
            names = [text or number for text, number in allowed]
            return f"{inside}{key}: '{item['input']}' is not known; {suggest(item['input'], names)}"
        case _:
            text = item["msg"].removeprefix("Value error, ")
            text = text[:1].lower() + text[1:]
            value = "" if isinstance(item["input"], dict) else f", got {item['input']!r}"
            return f"{inside}{key}: {text}{value}"


def _real_path(raw: tuple, data: object) -> tuple:
    """Drop the tags that pydantic puts into a location; they are no keys of the file."""
    path, here = [], data
    for position, step in enumerate(raw):
        if isinstance(here, dict) and step in here:
            here = here[step]
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif position == len(raw) - 1 and not _is_tag(here, step):
            here = None
        else:
            continue
        path.append(step)
    return tuple(path)


def _is_tag(here: object, step: object) -> bool:
    return isinstance(here, dict) and step in [v for v in here.values() if isinstance(v, str)]


def _annotation(kind: object, raw: tuple) -> object:
    for step in raw:
        kind = _descend(kind, step)
    return kind


def _descend(kind: object, step: object) -> object:
    kind = _bare(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        members = [m for m in map(_bare, typing.get_args(kind)) if m is not type(None)]
        for member in members:
            if isinstance(member, type) and issubclass(member, BaseModel) and _tagged(member, step):
                return member
        return _descend(members[0], step) if len(members) == 1 else None
    if typing.get_origin(kind) in (dict, list):
        return typing.get_args(kind)[-1]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if step in (name, field.alias):
                return field.annotation
    return None


def _bare(kind: object) -> object:
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    return kind


def _tagged(model: type[BaseModel], tag: object) -> bool:
    first = next(iter(model.model_fields.values())).annotation
    return tag in typing.get_args(first)


def _keys(kind: object) -> list[str]:
    kind = _bare(kind)
    members = [kind, *map(_bare, typing.get_args(kind))]
    for member in members:
        if isinstance(member, type) and issubclass(member, BaseModel):
            return [field.alias or name for name, field in member.model_fields.items()]
    return []
