"""Defines a result's identity: its folder has a name and the hash of all that the result depends on."""

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# Raised by hand when a change of a stage's code changes its results.
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

# The value of `template` for the chat template that a model came with (r1v3.model.chat_template).
OWN = "own"

SHELF = {
    "data": "data",
    "probe": "selections",
    "benchmark": "benchmarks",
    "evaluation_index": "evaluation_index",
}


# An id: the name of a folder, and the hash of what its content depends on.
ID = re.compile(r"[a-z][a-z0-9_]*-([0-9a-f]{10})")

# The key of the resolved config in `config.json`. It keeps its old name, because finished results have it.
RESOLVED = "document"

# Kinds whose name is the user's choice and changes no result. A data set's name decides which rows are drawn.
NAMED_AT_WILL = ("model", "sft", "grpo", "probe")


def canonical(content: Any) -> str:
    """Return JSON with sorted keys and no spaces, so that equal content gives equal text."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(kind: str, resolved: dict[str, Any]) -> str:
    """Return ten hexadecimal digits of the sha256 of what a result depends on.

    The hash covers no names of runs: each id in the config counts only by its hash. So a renamed run is the
    same run, and two runs that differ only in name are one.
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

    `name` is the name in the configuration. `label` is the name of its folder. They differ for a run that
    exists under another name, or that was renamed after it was made.
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
        """The folder of the result, relative to the root of the checkout."""
        if self.kind == "evaluation":
            run, checkpoint = self.resolved["run"], self.resolved["checkpoint"]
            return f"results/evaluations/{run}/{checkpoint}/{self.id}"
        return f"results/{SHELF.get(self.kind, 'runs')}/{self.id}"

    @property
    def config(self) -> dict[str, Any]:
        """The content of `config.json`."""
        return {
            "kind": self.kind,
            "name": self.label,
            "hash": self.hash,
            RESOLVED: self.resolved,
        }
