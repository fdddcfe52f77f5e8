"""Reads and writes manifests. A folder's manifest has the sha256 of its files, and is written last."""

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from r1v3.base.atomic_write import write_text
from r1v3.base.file_hash import CACHE, files_sha256
from r1v3.base.json_file import read_json
from r1v3.recipe.graph.identity import RESOLVED
from r1v3.recipe.outputs.environment import environment

SHA256 = re.compile("[0-9a-f]{64}")
SEAL = "seal"  # the sha256 of all other keys, which shows damage of the manifest itself
NEEDED = {"kind", "name", "files", "facts"}
KEYS = NEEDED | {
    "hash",
    "created",
    "seed",
    "inputs",
    "environment",
    "environments_before",
    "code",
    SEAL,
}
# The type of each key. Earlier versions lack some keys. A wrong type is reported before the value is used.
TYPES: dict[str, type] = {
    **dict.fromkeys(("kind", "name", "hash", "created", SEAL), str),
    **dict.fromkeys(("files", "facts", "inputs", "environment", "code"), dict),
    "environments_before": list,
}
REMEDY = (
    "`dvc checkout {folder}/data.dvc` brings it back where it was recorded; else delete {folder}, and "
    "`snakemake {folder}/{manifest}` makes it again"
)


def write_manifest(
    path: Path,
    *,
    config: dict[str, Any],
    files: Iterable[Path],
    facts: dict[str, Any],
    environments_before: list[dict[str, Any]] | None = None,
    inputs: dict[str, str] | None = None,
    code: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Write the manifest of the folder that contains `path`, and return the content.

    Args:
        config: the content of `config.json`: kind, name, hash, resolved config.
        files: the files whose sha256 is written, each inside the folder.
        facts: the results of the stage, as JSON.
        environments_before: other environments in which the stage ran before it was interrupted.
        inputs: the digest of each folder that the stage read (`r1v3.recipe.outputs.check`).
        code: the fingerprint of each module that the stage can reach (`r1v3.recipe.outputs.code`).
    """
    path = Path(path)
    digests = files_sha256(sorted(map(Path, files)), path.with_name(CACHE))
    manifest = {
        "kind": config["kind"],
        "name": config["name"],
        "hash": config["hash"],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {
            file.relative_to(path.parent).as_posix(): digest for file, digest in digests.items()
        },
        "seed": config[RESOLVED].get("seed"),
        "inputs": inputs or {},
        "facts": facts,
        "environment": environment(),
    }
    if code:
        manifest["code"] = code
    if environments_before:
        manifest["environments_before"] = environments_before
    manifest[SEAL] = seal_of(manifest)
    write_json(path, manifest)
    return manifest


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest.

    Raises:
        ValueError: the file is truncated, damaged, or not a manifest; the message says what to do.
    """
    path = Path(path)
    remedy = (
        f"delete {path}: the next `snakemake` takes the finished folder again, or makes it again"
    )
    manifest = read_json(path, remedy=remedy)
    if not set(manifest) >= NEEDED:
        raise ValueError(
            f"{path}: not a manifest; kind, name, files and facts are expected; {remedy}"
        )
    # Manifests of earlier versions have no seal.
    if not set(manifest) <= KEYS or manifest.get(SEAL, seal_of(manifest)) != seal_of(manifest):
        raise ValueError(f"{path}: edited, cut or damaged; it does not fit its own seal; {remedy}")
    for key, kind in TYPES.items():
        if not isinstance(manifest.get(key, kind()), kind):
            raise ValueError(f"{path}: damaged; {key} is no {kind.__name__}; {remedy}")
    for name, digest in manifest["files"].items():
        if not isinstance(digest, str) or not SHA256.fullmatch(digest):
            raise ValueError(f"{path}: damaged; no sha256 of {name!r}; {remedy}")
        if not _is_below(name):
            raise ValueError(f"{path}: names {name!r}, which is not below its folder; {remedy}")
    return manifest


def _is_below(name: str) -> bool:
    """Return whether a name is the relative path of a file below the folder."""
    parts = PurePosixPath(name).parts
    named = bool(parts) and name.isprintable() and not PurePosixPath(name).is_absolute()
    return named and ".." not in parts


def seal_of(manifest: dict[str, Any]) -> str:
    """Return the sha256 of a manifest's content without the seal, as JSON gives it back."""
    said = {key: value for key, value in manifest.items() if key != SEAL}
    read = json.loads(json.dumps(said))
    return hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON atomically, so that a reader sees either the old file or the whole new one."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
