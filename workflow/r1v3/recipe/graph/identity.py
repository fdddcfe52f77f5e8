"""A result's identity: the hash of what it depends on names its folder, and a name stands before it."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# Raised by hand when the code of a stage changes what comes out of it.
VERSION = {
    "source": 4,
    "sampled": 4,
    "evaluation_index": 2,
    "model": 1,
    "sft": 1,
    "grpo": 3,
    "probe": 3,
    "benchmark": 1,
    "evaluation": 3,
}

# In place of a template: the one that a model came with (r1v3.model.chat_template).
OWN = "own"

SHELF = {
    "data": "data",
    "probe": "selections",
    "benchmark": "benchmarks",
    "evaluation_index": "evaluation_index",
}


# What an id looks like: the name of a folder, and the hash of what is in it.
ID = re.compile(r"[a-z][a-z0-9_]*-([0-9a-f]{10})")

# The key of the resolved config in `config.json`. Finished results have it, and so it stays.
RESOLVED = "document"

# Kinds whose name is the user's choice and decides nothing. A data set draws its rows by its name.
NAMED_AT_WILL = ("model", "sft", "grpo", "probe")


def canonical(content: Any) -> str:
    """JSON with sorted keys and no spaces: equal content gives equal text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(kind: str, resolved: dict[str, Any]) -> str:
    """Ten hexadecimal digits of the sha256 of what a result depends on.

    A run's name is no part of that, neither its own nor those of the runs before it: each id counts by its
    hash. So a renamed run is the same run, and runs that differ in name alone are one.
    """
    counted = dict(resolved)
    if kind in NAMED_AT_WILL:
        counted.pop("name", None)
    return hashlib.sha256(canonical(_by_hash(counted)).encode()).hexdigest()[:10]


def _by_hash(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: _by_hash(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_by_hash(value) for value in part]
    match = ID.fullmatch(part) if isinstance(part, str) else None
    return match[1] if match else part


@dataclass(frozen=True)
class Node:
    """One result: its resolved config, and the nodes whose outputs it reads.

    `name` is what it was asked for by; `label` is the name that its folder carries, where it is another one:
    of a run that is there under a first name, or was renamed after it was made.
    """

    kind: str
    name: str
    resolved: dict[str, Any]
    parents: tuple["Node", ...]
    label: str = ""

    @cached_property
    def hash(self) -> str:
        return hash_of(self.kind, self.resolved)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", self.label or self.name)

    @property
    def id(self) -> str:
        return f"{self.label}-{self.hash}"

    @property
    def folder(self) -> str:
        """Where the result lives, from the root of the checkout."""
        if self.kind == "evaluation":
            run, checkpoint = self.resolved["run"], self.resolved["checkpoint"]
            return f"results/evaluations/{run}/{checkpoint}/{self.id}"
        return f"results/{SHELF.get(self.kind, 'runs')}/{self.id}"

    @property
    def config(self) -> dict[str, Any]:
        """What `config.json` holds."""
        return {
            "kind": self.kind,
            "name": self.label,
            "hash": self.hash,
            RESOLVED: self.resolved,
        }
