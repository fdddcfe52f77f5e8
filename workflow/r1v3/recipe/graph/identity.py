"""A result's identity: the hash of the document that it depends on names its folder."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

# Raised by hand when the code of a stage changes what comes out of it.
VERSION = {
    "source": 3,
    "sampled": 3,
    "evaluation_index": 1,
    "model": 1,
    "sft": 1,
    "grpo": 2,
    "probe": 3,
    "benchmark": 1,
    "evaluation": 2,
}

# In place of a template: the one that a model came with (r1v3.model.chat_template).
OWN = "own"

SHELF = {
    "data": "data",
    "probe": "selections",
    "benchmark": "benchmarks",
    "evaluation_index": "evaluation_index",
}


def canonical(document: dict[str, Any]) -> str:
    """JSON with sorted keys and no spaces: equal documents give equal text."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True)
class Node:
    """One result: its document, and the nodes whose outputs it reads."""

    kind: str
    name: str
    document: dict[str, Any]
    parents: tuple["Node", ...]

    @cached_property
    def hash(self) -> str:
        return hashlib.sha256(canonical(self.document).encode()).hexdigest()[:10]

    @property
    def id(self) -> str:
        return f"{self.name}-{self.hash}"

    @property
    def folder(self) -> str:
        """Where the result lives, from the root of the checkout."""
        if self.kind == "evaluation":
            run, checkpoint = self.document["run"], self.document["checkpoint"]
            return f"results/evaluations/{run}/{checkpoint}/{self.id}"
        return f"results/{SHELF.get(self.kind, 'runs')}/{self.id}"

    @property
    def config(self) -> dict[str, Any]:
        """What `config.json` holds."""
        return {
            "kind": self.kind,
            "name": self.name,
            "hash": self.hash,
            "document": self.document,
        }
