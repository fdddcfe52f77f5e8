"""The lineage graph: which result was made from which, read from the configs on disk."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from r1v3.provenance.result_folders import ResultFolder, result_folders
from r1v3.recipe.graph.identity import RESOLVED


@dataclass
class LineageGraph:
    """Result folders by id, the results that each was made from (`parents`), and those made from it."""

    found: dict[str, ResultFolder]
    parents: dict[str, list[str]]
    children: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> "LineageGraph":
        """Read the graph of a checkout. The id of an evaluation is `<run>/<checkpoint>/<suite>`."""
        found = {key_of(each): each for each in result_folders(root)}
        parents = {
            key: sorted({text for text in _texts(each.config[RESOLVED]) if text in found})
            for key, each in found.items()
        }
        children: dict[str, list[str]] = {key: [] for key in found}
        for key, above in parents.items():
            for parent in above:
                children[parent].append(key)
        return cls(found, parents, children)

    def above(self, key: str) -> list[str]:
        """Return all results that a result was made from, nearest first."""
        return _reach(key, self.parents)

    def below(self, key: str) -> list[str]:
        """Return all results that were made from a result, nearest first."""
        return _reach(key, self.children)

    @cached_property
    def by_name(self) -> dict[str, list[str]]:
        """Return the ids of results by name, because a user may not know the hash."""
        names: dict[str, list[str]] = {}
        for key in self.found:
            names.setdefault(key.rpartition("/")[2].rpartition("-")[0], []).append(key)
        return names


def key_of(found: ResultFolder) -> str:
    prefix = "results/evaluations/"
    evaluation = found.folder.startswith(prefix)
    return found.folder.removeprefix(prefix) if evaluation else found.id


def _reach(key: str, edges: dict[str, list[str]]) -> list[str]:
    seen, queue = [], list(edges[key])
    while queue:
        each = queue.pop(0)
        if each not in seen:
            seen.append(each)
            queue += edges[each]
    return seen


def _texts(value) -> list[str]:
    """Yield every text in a config; the ids of parents are among them."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []
