"""The manifest of a folder: written last and atomically, it vouches for the files that it names."""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_text
from r1v3.recipe.outputs.environment import environment


def write_manifest(
    path: Path,
    *,
    config: dict[str, Any],
    files: Iterable[Path],
    facts: dict[str, Any],
    environments_before: list[dict[str, Any]] | None = None,
) -> None:
    """Write the manifest of the folder that `path` lies in.

    Args:
        config: what `config.json` holds: kind, name, hash, document.
        files: the files to vouch for, each inside the folder.
        facts: the results of the stage, as JSON.
        environments_before: other ones under which the stage ran before it was interrupted.
    """
    path = Path(path)
    manifest = {
        "kind": config["kind"],
        "name": config["name"],
        "hash": config["hash"],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": {
            str(Path(file).relative_to(path.parent).as_posix()): _sha256(file)
            for file in sorted(map(Path, files))
        },
        "seed": config["document"].get("seed"),
        "facts": facts,
        "environment": environment(),
    }
    if environments_before:
        manifest["environments_before"] = environments_before
    write_json(path, manifest)


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest.

    Raises:
        ValueError: the file is not a manifest.
    """
    manifest = json.loads(Path(path).read_text())
    if not isinstance(manifest, dict) or not {"kind", "name", "files", "facts"} <= set(manifest):
        raise ValueError(f"{path}: not a manifest; kind, name, files and facts are expected")
    return manifest


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the whole new one."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def checkpoint_folder(run_manifest: Path, checkpoint: str, selection: Path | None = None) -> Path:
    """The Hugging Face folder that a run's checkpoint name stands for.

    Args:
        run_manifest: manifest of the run.
        checkpoint: `last` (the best one where training stopped early), `selected`, or `step-000050`.
        selection: manifest of the run's selection, needed by `selected`.

    Raises:
        ValueError: there is no such checkpoint; the message names those that there are.
    """
    run_manifest = Path(run_manifest)
    facts = read_manifest(run_manifest)["facts"]
    kept = {f"step-{entry['step']:06d}": entry["path"] for entry in facts["checkpoints"]}
    if checkpoint == "last":
        path = facts.get("best") or facts["last"]
    elif checkpoint == "selected":
        if selection is None:
            raise ValueError(
                f"{run_manifest}: checkpoint 'selected' needs the selection's manifest"
            )
        path = kept[f"step-{read_manifest(selection)['facts']['chosen']:06d}"]
    elif checkpoint in kept:
        path = kept[checkpoint]
    else:
        allowed = ", ".join(["last", "selected", *sorted(kept)])
        raise ValueError(f"{run_manifest}: no checkpoint '{checkpoint}'; allowed: {allowed}")
    folder = run_manifest.parent / path
    if not folder.is_dir():
        raise ValueError(
            f"{folder}: the checkpoint is not on this machine; "
            f"`dvc pull {run_manifest.parent}/data.dvc` gets it where it was recorded"
        )
    return folder


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
