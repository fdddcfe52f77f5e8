"""Finds a run's checkpoint by its name, and checks its files before they are read."""

from pathlib import Path

from r1v3.recipe.outputs.check import check_files
from r1v3.recipe.outputs.manifest import read_manifest


def checkpoint_folder(run_manifest: Path, checkpoint: str, selection: Path | None = None) -> Path:
    """Return the Hugging Face folder of a run's checkpoint.

    Args:
        run_manifest: manifest of the run.
        checkpoint: `last` (the best one if training stopped early), `selected`, or a step as `step-000050`.
        selection: manifest of the run's selection; `selected` needs it.

    Raises:
        ValueError: there is no such checkpoint; the message names the existing ones.
        Changed: its files differ from the manifest.
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
    check_files(run_manifest, below=folder.relative_to(run_manifest.parent).as_posix())
    return folder
