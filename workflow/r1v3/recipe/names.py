"""Checks names of entries. They also name folders, files and links, so they must be valid on every disk."""

import re

NAME = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_NAME = 100  # letters; a hash and a suffix follow, and a file system takes 255 bytes
SEED_MARK = "__seed"  # `rl__seed2` is the run `rl` with a second seed (r1v3.recipe.seeds)


def why_no_name(name: object) -> str | None:
    """Return what is wrong with the name of an entry, or None."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        return "a name has lower-case letters, digits and _, a letter first"
    if len(name) > LONGEST_NAME:
        return f"a name has at most {LONGEST_NAME} letters, as it names folders"
    return f"'{SEED_MARK}' in a name stands for another seed" if SEED_MARK in name else None


def check_name(name: str) -> str:
    """Return a name if it is valid.

    Raises:
        ValueError: it is not; the message says why.
    """
    if why := why_no_name(name):
        raise ValueError(why)
    return name
