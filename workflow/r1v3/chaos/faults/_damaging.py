"""Chooses which file is damaged, and damages it."""

from collections.abc import Callable, Iterable
from pathlib import Path

from r1v3.chaos.tree import Hung, Tree

WAYS = ("cut", "zeros", "flipped bit")
NAMES_THE_FILE = r"(changed|gone|unreadable|edited|damaged).*(delete|dvc checkout)"
KINDS: dict[str, Callable[[Tree], Iterable[Path]]] = {
    "weights": lambda tree: tree.start.rglob("model.safetensors"),
    "tokenizer": lambda tree: tree.start.rglob("tokenizer.json"),
    "records": lambda tree: tree.data.glob("*.parquet"),
    "pictures": lambda tree: tree.data.glob("images/*/*"),
    "config": lambda tree: [tree.rl / "config.json"],
    "manifest": lambda tree: [tree.rl / "manifest.json"],
    "answers": lambda tree: tree.answers.glob("responses/*"),
    "benchmark": lambda tree: tree.results.glob("benchmarks/*/*.tsv"),
    "index": lambda tree: tree.results.glob("evaluation_index/*/*/*"),
}


def files_of(tree: Tree, kind: str) -> list[Path]:
    """Return the files of a kind, one of which will be damaged."""
    paths = sorted(path for path in KINDS[kind](tree) if path.is_file() and path.stat().st_size > 8)
    if not paths:
        raise Hung(f"there is no file of the kind {kind}")
    return paths


def damaged_folder(path: Path, tree: Tree) -> Path:
    """Return the result folder that a file belongs to."""
    for above in path.parents:
        if (above / "manifest.json").exists() or (above / "responses.json").exists():
            return above
    raise Hung(f"{path} belongs to no result")


def damage(path: Path, way: str, tree: Tree) -> None:
    """Truncate a file at a random place, overwrite a part with zeros, or flip one bit."""
    data = bytearray(path.read_bytes())
    at = tree.random.randrange(len(data))
    if way == "cut":
        data = data[:at]
    elif way == "zeros":
        at = tree.random.randrange(max(1, len(data) - 64))
        if not any(data[at : at + 64]):
            at = next(i for i, value in enumerate(data) if value)
        data[at : at + 64] = bytes(min(64, len(data) - at))
    else:
        data[at] ^= 1 << tree.random.randrange(8)
    path.write_bytes(data)
