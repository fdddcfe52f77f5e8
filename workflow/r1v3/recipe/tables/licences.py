"""The licence gates: which sources a recipe's `licences` admit, and that none is a forbidden benchmark.

A source is known by its data set's id, by the names of its files, and by the entry's own name. A rename that
leaves nothing of the benchmark's name cannot be seen here; decontamination sees its questions.
"""

import re
from collections.abc import Mapping

from r1v3.recipe.schema.data import ListedSource
from r1v3.recipe.tables.benchmarks import ListedBenchmark, refuse_forbidden_use
from r1v3.recipe.tables.sources import Decides, Files, Hub, SourceLicence

# Licences that let anyone use and change for any purpose; share-alike ones bind the result, and are none.
PERMISSIVE = re.compile(
    r"(mit|apache|bsd|isc|cc0|cc-?zero|cc-by-\d|cc-by$|pddl|odc-by|cdla-permissive|unlicense)", re.I
)

# What a benchmark's file says of its part, which is not its name.
PART = {"mini", "test", "testmini", "dev", "val", "validation", "train", "en", "cn", "total"}


def admits(gate: str, licence: SourceLicence) -> bool:
    """Whether a recipe's `licences` let a source be trained on.

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
    """The entries of a set that a gate admits, and those that it rules out with their licences.

    Where one is ruled out, those of `instead` that are admitted take its place. What is only measured on is
    not trained on, so sets of other instances pass.
    """
    gate = gate if source.instances == "train" else "any"
    entries, instead = source.entries, source.instead
    out = {name: table[name].licence for name in entries if not admits(gate, table[name].licence)}
    kept = [name for name in entries if name not in out]
    if out:
        kept += [n for n in instead if n not in kept and admits(gate, table[n].licence)]
    return kept, {name: licence.name or "not stated" for name, licence in out.items()}


def refuse_benchmarks(name: str, where: Hub | Files, table: dict[str, ListedBenchmark]) -> None:
    """Refuse a source of training questions that is a benchmark not to be trained on.

    Args:
        name: the source's own, in `config/sources.yaml`.
        where: its files.
        table: the benchmarks, by name.

    Raises:
        ValueError: it is one; the message names the benchmark and its terms.
    """
    names = [_words(each) for each in (name, *_places(where))]
    for key, entry in table.items():
        if any(_is_part(known, each) for known in _known(entry) for each in names):
            refuse_forbidden_use(key, entry, "training")


def _known(entry: ListedBenchmark) -> set[tuple[str, ...]]:
    """The names of a benchmark: its title's, its data set's and its file's, without the part they hold."""
    where = entry.source.model_dump()
    data_set, file = where.get("id", "").rpartition("/")[2], where.get("url", "").rpartition("/")[2]
    found = (_words(each) for each in (entry.title.partition("(")[0], data_set, file))
    return {words for each in found if (words := tuple(word for word in each if word not in PART))}


def _places(where: Hub | Files) -> list[str]:
    """All parts of the addresses of a source's files: folders, data sets, files."""
    files = [where.id, *where.files] if isinstance(where, Hub) else where.places
    return [part for file in files for part in file.partition("?")[0].split("/")]


def _words(name: str) -> tuple[str, ...]:
    """The words of a name in small letters, without a file's ending."""
    return tuple(re.findall(r"[^\W_]+", name.partition(".")[0].casefold()))


def _is_part(known: tuple[str, ...], name: tuple[str, ...]) -> bool:
    """Whether a benchmark's words stand together in a name, `math_vista` and `mathvista` alike."""
    joined = "".join(known)
    return any(
        "".join(name[start:end]) == joined
        for start in range(len(name))
        for end in range(start + 1, len(name) + 1)
    )
