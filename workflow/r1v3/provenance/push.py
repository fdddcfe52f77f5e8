"""Prepares a checkpoint for a hub: weights, processor and a model card in one folder; then uploads it."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import read_json
from r1v3.data.gates import NOT_STATED
from r1v3.model.layouts.internvl_chat_folder import export_checkpoint
from r1v3.provenance.graph import LineageGraph
from r1v3.provenance.result_folders import ResultFolder
from r1v3.provenance.trace import trace_lines
from r1v3.recipe.errors import unknown
from r1v3.recipe.graph.identity import RESOLVED
from r1v3.recipe.outputs.checkpoint import checkpoint_folder

TRAINED = ("model", "sft", "grpo")


def prepare_push(root: Path, run: str, checkpoint: str, output: Path, *, chat: bool) -> list[Path]:
    """Write the folder of a run's checkpoint, and return the files in it.

    Args:
        run: name or id of the run.
        checkpoint: `last`, `selected`, or a step such as `step-000100`.
        output: a folder that does not exist yet.
        chat: whether to use the layout of InternVL's own code instead of the native one.

    Raises:
        ValueError: there is no such finished run or checkpoint, or the output exists.
    """
    if output.exists():
        raise ValueError(f"{output} exists; name another folder")
    lineage = LineageGraph.of(root)
    found = _one_run(lineage, run)
    weights = checkpoint_folder(
        found.path / "manifest.json", checkpoint, _selection(lineage, found)
    )
    if chat:
        export_checkpoint(weights, output)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(weights, output, symlinks=False)
    names = {checkpoint, weights.name}
    write_text(output / "README.md", model_card(root, lineage, found, names))
    return sorted(path for path in output.rglob("*") if path.is_file())


def upload_folder(folder: Path, repository: str) -> str:
    """Upload a prepared folder to a private repository of the hub, and return its address.

    Raises:
        ValueError: HF_TOKEN is not set.
    """
    from huggingface_hub import HfApi

    token = os.environ.get("HF_TOKEN")
    if not token:
        raise ValueError("HF_TOKEN is not set: nothing was uploaded; --dry-run only prepares")
    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token)
    address = api.create_repo(repository, private=True, exist_ok=True)
    api.upload_folder(repo_id=repository, folder_path=folder)
    return str(address)


def model_card(root: Path, lineage: LineageGraph, run: ResultFolder, names: set[str]) -> str:
    """Write the card of a run's checkpoint: recipe, lineage, data, scores with intervals, claims, licences.

    Args:
        names: names of this checkpoint in evaluations, such as `last` and `step-000100`.
    """
    above = [lineage.found[key] for key in lineage.above(run.id)]
    models = [each for each in [run, *above] if each.config["kind"] == "model"]
    hub = [spec for each in models if (spec := each.config[RESOLVED]["spec"])["source"] == "hub"]
    licences = _licences(above)
    stated = sorted({name for own in licences.values() for name in own})
    head = ["---", "library_name: transformers", "pipeline_tag: image-text-to-text"]
    if hub:
        head += ["base_model:", *(f"- {spec['id']}" for spec in hub)]
    # With several licences, or with that of another model, there is no single licence to state.
    one = stated[0].lower() if len(stated) == 1 and stated != [NOT_STATED] and not hub else "other"
    head += [f"license: {one}", "---"]
    resolved = json.dumps(run.config[RESOLVED], indent=1, ensure_ascii=False)
    sections = {
        "Scores": _scores(lineage, run, names),
        "Claims": _claims(root),
        "Data": _data(above, licences),
        "Models that it was made from": [
            f"- {spec['id']}, revision {spec['revision']}; its own licence holds for this model too"
            for spec in hub
        ]
        or ["None: it was trained from random weights."],
        "Lineage": ["```", *trace_lines(root, run.id), "```"],
        "Recipe": ["```json", resolved, "```"],
    }
    lines = [*head, "", f"# {run.id}, {max(names)}", ""]
    lines += ["Made by the workflow that reproduces the post-training of Skywork-R1V3.", ""]
    for title, body in sections.items():
        lines += [f"## {title}", "", *body, ""]
    return "\n".join(lines)


def _one_run(lineage: LineageGraph, run: str) -> ResultFolder:
    keys = [run] if run in lineage.found else lineage.by_name.get(run, [])
    runs = [
        lineage.found[key]
        for key in keys
        if lineage.found[key].config["kind"] in TRAINED and lineage.found[key].finished
    ]
    if not runs:
        known = [k for k, each in lineage.found.items() if each.config["kind"] in TRAINED]
        raise ValueError(unknown("finished run", run, known))
    if len(runs) > 1:
        raise ValueError(f"{run}: name one of {', '.join(each.id for each in runs)}")
    return runs[0]


def _facts(found: ResultFolder) -> dict[str, Any]:
    manifest = found.path / "manifest.json"
    return read_json(manifest).get("facts", {}) if manifest.exists() else {}


def _licences(above: list[ResultFolder]) -> dict[str, dict[str, int]]:
    """Count records by licence, for each data set."""
    sets = [each for each in above if each.config["kind"] == "data"]
    return {each.id: _facts(each).get("licence") or {NOT_STATED: 0} for each in sets}


def _data(above: list[ResultFolder], licences: dict[str, dict[str, int]]) -> list[str]:
    lines = ["| data set | records | licences |", "| -- | -- | -- |"]
    for each in above:
        if each.id in licences:
            named = ", ".join(f"{name} ({count})" for name, count in licences[each.id].items())
            lines.append(f"| {each.id} | {_facts(each).get('records', NOT_STATED)} | {named} |")
    return lines if len(lines) > 2 else ["None."]


def _selection(lineage: LineageGraph, run: ResultFolder) -> Path | None:
    """Return the manifest of the run's checkpoint selection; None without one."""
    for key in lineage.children[run.id]:
        if lineage.found[key].folder.startswith("results/selections/"):
            return lineage.found[key].path / "manifest.json"
    return None


def _scores(lineage: LineageGraph, run: ResultFolder, names: set[str]) -> list[str]:
    rows = []
    for key in lineage.children[run.id]:
        path = lineage.found[key].path / "scores.json"
        resolved = lineage.found[key].config[RESOLVED]
        if not path.exists() or resolved.get("checkpoint") not in names:
            continue
        scores = read_json(path)
        for name, each in {**scores.get("benchmarks", {}), **scores.get("held_out", {})}.items():
            rows.append(f"| {name} | {_interval(each)} | {each.get('n', '')} | {key} |")
    if not rows:
        return ["This checkpoint has not been evaluated."]
    return ["| set | accuracy | items | evaluation |", "| -- | -- | -- | -- |", *rows]


def _interval(score: dict[str, Any]) -> str:
    value = score["mean"] if "mean" in score else score["accuracy"]
    if "low" in score and "high" in score:
        return f"{100 * value:.1f} ({100 * score['low']:.1f} to {100 * score['high']:.1f})"
    return f"{100 * value:.1f}"


def _claims(root: Path) -> list[str]:
    """Return the verdicts of the ledger, if the studies have been run."""
    found = sorted((root / "results").rglob("claims.json"))
    if not found:
        return ["The studies behind the claims have not been run."]
    rows = ["| claim | what the report says | verdict |", "| -- | -- | -- |"]
    for each in read_json(found[0], "claims")["claims"]:
        rows.append(f"| {each['claim']} | {each['says']} | {each['verdict']} |")
    return rows
