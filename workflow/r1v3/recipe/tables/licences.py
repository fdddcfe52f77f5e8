"""Checks licences: which sources a recipe's `licences` admit, and that no source is a forbidden benchmark.

A source is recognised as a benchmark by the id of its data set, by the names of its files, and by the name of
the entry. A source that was renamed entirely is not recognised here, but decontamination finds its questions.
"""

import re
from collections.abc import Mapping

from r1v3.recipe.schema.data import ListedSource
from r1v3.recipe.tables.benchmarks import ListedBenchmark, refuse_forbidden_use
from r1v3.recipe.tables.sources import Decides, Files, Hub, SourceLicence

# Licences that allow use and change for any purpose. Share-alike licences restrict the result, so they are
# not among them.
PERMISSIVE = re.compile(
    r"(mit|apache|bsd|isc|cc0|cc-?zero|cc-by-\d|cc-by$|pddl|odc-by|cdla-permissive|unlicense)", re.I
)

# Words in names of files that name a part of a benchmark, and not the benchmark.
PART = {"mini", "test", "testmini", "dev", "val", "validation", "train", "en", "cn", "total"}


def admits(gate: str, licence: SourceLicence) -> bool:
    """Return whether a recipe's `licences` admit a source for training.

    Args:
        gate: `any`, `stated` or `permissive`.
    """
    if gate == "any":
        return True
    if licence.name is None or licence.training == "forbidden":
        return False
    name = re.sub(r"[\s_/]+", "-", licence.name.strip())
    return gate == "stated" or PERMISSIVE.match(name) is not None


def gated(
    gate: str, source: ListedSource, table: Mapping[str, Decides]
) -> tuple[list[str], dict[str, str]]:
    """Return the entries of a set that a gate admits, and the licences of the other entries by name.

    If an entry is ruled out, the admitted entries of `instead` take its place. Sets that no run trains on
    pass, whatever their licence is.
    """
    gate = gate if source.instances == "train" else "any"
    entries, instead = source.entries, source.instead
    out = {name: table[name].licence for name in entries if not admits(gate, table[name].licence)}
    kept = [name for name in entries if name not in out]
    if out:
        kept += [n for n in instead if n not in kept and admits(gate, table[n].licence)]
    return kept, {name: licence.name or "not stated" for name, licence in out.items()}


def refuse_benchmarks(name: str, where: Hub | Files, table: dict[str, ListedBenchmark]) -> None:
    """Refuse a source of training questions that is a benchmark whose licence forbids training.

    Args:
        name: the name of the source in `config/sources.yaml`.
        where: the files of the source.
        table: the benchmarks, by name.

    Raises:
        ValueError: it is such a benchmark; the message names the benchmark and its licence.
    """
    names = [_words(each) for each in (name, *_places(where))]
    for key, entry in table.items():
        if any(_is_part(known, each) for known in _known(entry) for each in names):
            refuse_forbidden_use(key, entry, "training")


def _known(entry: ListedBenchmark) -> set[tuple[str, ...]]:
    """Return the names of a benchmark: its title, its data set and its file, without words for a part."""
    where = entry.source.model_dump()
    data_set, file = where.get("id", "").rpartition("/")[2], where.get("url", "").rpartition("/")[2]
    found = (_words(each) for each in (entry.title.partition("(")[0], data_set, file))
    return {words for each in found if (words := tuple(word for word in each if word not in PART))}


def _places(where: Hub | Files) -> list[str]:
    """Return all parts of the addresses of a source's files: folders, data sets and files."""
    files = [where.id, *where.files] if isinstance(where, Hub) else where.places
    return [part for file in files for part in file.partition("?")[0].split("/")]


def _words(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, without a file's suffix."""
    return tuple(re.findall(r"[^\W_]+", name.partition(".")[0].casefold()))


def _is_part(known: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Return whether a benchmark's words are adjacent in a name; `math_vista` and `mathvista` are equal."""
    joined = "".join(known)
    return any(
        "".join(name[start:end]) == joined
        for start in range(len(name))
        for end in range(start + 1, len(name) + 1)
    )
