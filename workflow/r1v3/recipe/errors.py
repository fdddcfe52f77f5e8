"""Turns mistakes in the configuration into one line each: file, run, key, allowed values."""

import difflib
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from r1v3.base.user_errors import escape_unprintable

# The place of a key: keys of mappings and positions in lists.
KeyPath = tuple[int | str, ...]
LONGEST = 80  # most characters of a value that a message shows
OWN_WORDS = "Value error, "  # pydantic's prefix to the message of a validator of ours
# Our words for errors that pydantic states in terms of Python's types.
EXPECTED = {
    "bool_type": "true or false is expected",
    "dict_type": "a mapping of keys is expected",
    "list_type": "a list is expected",
    "model_attributes_type": "a mapping of keys is expected",
    "model_type": "a mapping of keys is expected",
    "string_type": "text is expected; put it in quotes if it is text",
    "tuple_type": "a list is expected",
}
DISCRIMINATORS = ("kind", "source", "stage")  # keys that decide which model a mapping is


class RecipeError(ValueError):
    """One or more mistakes in the configuration; the user reads its `str()`."""

    def __init__(self, lines: Iterable[str]):
        self.lines = [escape_unprintable(line) for line in lines]
        super().__init__("\n".join(self.lines))


def clip_value(value: object) -> str:
    """Return a value of a file as text, cut to `LONGEST` characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def suggest(word: object, allowed: Iterable[str]) -> str:
    """Return the end of a message: the allowed words, and the one that was probably meant."""
    names = [str(name) for name in allowed]
    close = difflib.get_close_matches(clip_value(word), names, n=1)
    meant = f"; did you mean '{close[0]}'?" if close else ""
    return f"allowed: {', '.join(names) or 'none'}{meant}"


def unknown(what: str, word: object, allowed: Iterable[str]) -> str:
    """Return a message about a name that refers to nothing."""
    return f"there is no {what} '{clip_value(word)}'; {suggest(word, sorted(allowed))}"


def explain(
    error: ValidationError, kind: object, data: object, where: Callable[[KeyPath], str]
) -> list[str]:
    """Turn pydantic's errors into one line each.

    Args:
        kind: the annotation that was validated against; the allowed keys are read from it.
        data: what was validated.
        where: gives the beginning of a line (file, run) for a path of keys.
    """
    lines = []
    for item in error.errors():
        raw = item["loc"]
        path = _real_path(raw, data)
        lines.append(f"{where(path)}: {_message(item, kind, raw, path)}")
    return lines


def _message(item: Mapping[str, Any], kind: object, raw: KeyPath, path: KeyPath) -> str:
    above, key, value = _dotted(path[:-1]), path[-1] if path else "", item["input"]
    if raw[-1:] == ("[key]",):
        if item["type"] == "value_error":
            return f"{above}'{clip_value(key)}': {item['msg'].removeprefix(OWN_WORDS)}"
        if "ctx" not in item:
            return f"{above}'{clip_value(key)}' is no name; put it in quotes if it is one"
        return f"{above}unknown key '{clip_value(key)}'; {suggest(key, _quoted(item['ctx']['expected']))}"
    match item["type"]:
        case "extra_forbidden":
            keys = _keys(_annotation(kind, raw[:-1]))
            return f"{above}unknown key '{clip_value(key)}'; {suggest(key, keys)}"
        case "missing":
            return f"{above}key '{key}' is missing"
        case "union_tag_not_found":
            return f"{_dotted(path)}key {item['ctx']['discriminator']} is missing"
        case "union_tag_invalid":
            tag, word = item["ctx"]["discriminator"].strip("'"), item["ctx"]["tag"]
            allowed = _quoted(item["ctx"]["expected_tags"])
            return f"{_dotted((*path, tag))}'{clip_value(word)}' is not known; {suggest(word, allowed)}"
        case "literal_error":
            allowed = _quoted(item["ctx"]["expected"])
            return f"{_dotted(path)}'{clip_value(value)}' is not known; {suggest(value, allowed)}"
    text = EXPECTED.get(item["type"]) or item["msg"].removeprefix(OWN_WORDS)
    got = "" if isinstance(value, dict) else f", got {clip_value(repr(value))}"
    return f"{_dotted(path)}{text[:1].lower()}{text[1:]}{got}"


def _dotted(path: KeyPath) -> str:
    return "".join([".".join(map(clip_value, path)), ": "]) if path else ""


def _quoted(text: str) -> list[str]:
    """Return the values in a list as pydantic writes it: "'a', 'b' or 3"."""
    return [word or number for word, number in re.findall(r"'([^']*)'|(\d+)", text)]


def _real_path(raw: KeyPath, data: object) -> KeyPath:
    """Drop the tags that pydantic puts into a location, because they are not keys of the file."""
    path, here, entered = [], data, True
    raw = raw[:-1] if raw[-1:] == ("[key]",) else raw
    for position, step in enumerate(raw):
        if entered and isinstance(here, dict) and step in [here.get(d) for d in DISCRIMINATORS]:
            entered = False  # a tag comes first, and a key beside it may have the same name
            continue
        entered = True
        if isinstance(here, dict) and (key := _key_of(here, step)) is not None:
            here, step = here[key], key
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        elif position == len(raw) - 1 and not _is_tag(here, step):
            here = None
        else:
            continue
        path.append(step)
    return tuple(path)


def _key_of(here: dict[Any, Any], step: object) -> Any:
    """Return the key that a location means; pydantic writes a number there as text."""
    return step if step in here else next((key for key in here if str(key) == step), None)


def _is_tag(here: object, step: object) -> bool:
    return isinstance(here, dict) and step in [v for v in here.values() if isinstance(v, str)]


def _annotation(kind: object, raw: KeyPath) -> object:
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
