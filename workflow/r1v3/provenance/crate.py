"""Packs a finished recipe as an RO-Crate for archives: which result was made from which, by which code.

The crate has copies of small files. Checkpoints, pictures and answers stay in DVC; the data.dvc of each
folder is in the crate and has their hashes. The terms are those of schema.org, after Workflow Run RO-Crate
0.5.
"""

from pathlib import Path

from r1v3.base.json_file import read_json
from r1v3.provenance.graph import LineageGraph
from r1v3.provenance.result_folders import DVC_FILE, ResultFolder, is_configured
from r1v3.recipe.graph.results import ResultGraph

PROFILES = (
    "https://w3id.org/ro/wfrun/process/0.5",
    "https://w3id.org/ro/wfrun/workflow/0.5",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
)
LICENCE = "https://spdx.org/licenses/Apache-2.0"


def write_crate(root: Path, graph: ResultGraph, out: Path) -> list[str]:
    """Write the crate of all results that the configuration makes, and return their ids.

    Args:
        out: a folder that does not exist yet.

    Raises:
        ValueError: the recipe is not finished, or the folder exists.
    """
    from rocrate.rocrate import ROCrate

    lineage = LineageGraph.of(root)
    inside = {
        key: found
        for key, found in lineage.found.items()
        if found.finished and is_configured(graph, found.folder)
    }
    if not (root / "results/summary.json").exists() or not inside:
        raise ValueError(f"the recipe {graph.recipe.name} is not finished: run the workflow first")
    if out.exists():
        raise ValueError(f"{out} exists; name another folder")
    crate = ROCrate()
    crate.name = f"Skywork-R1V3, reproduced: recipe {graph.recipe.name}"
    crate.description = (
        "Data sets, checkpoints, scores and their lineage, of one Snakemake workflow."
    )
    crate.license = LICENCE
    crate.root_dataset["conformsTo"] = [_page(crate, address) for address in PROFILES]
    workflow = crate.add_workflow(root / "Snakefile", "Snakefile", main=True, lang="snakemake")
    for path in [*sorted((root / "config").rglob("*.yaml")), *_tables(root)]:
        crate.add_file(path, path.relative_to(root).as_posix())
    folders = {key: _folder(crate, found) for key, found in inside.items()}
    for key, found in inside.items():
        _action(crate, workflow, key, found, lineage, folders)
    crate.write(out)
    return sorted(inside)


def _page(crate, address: str):
    from rocrate.model.contextentity import ContextEntity

    return crate.add(ContextEntity(crate, address, properties={"@type": "CreativeWork"}))


def _tables(root: Path) -> list[Path]:
    names = ("summary.json", "report.html", "plots/grpo.csv", "plots/checkpoints.csv")
    return [path for name in names if (path := root / "results" / name).exists()]


def _folder(crate, found: ResultFolder):
    dataset = crate.add_dataset(
        dest_path=found.folder,
        properties={
            "name": found.id,
            "description": f"{found.config['kind']} {found.config['name']}",
        },
    )
    kept = found.kept_in_git() + ([found.dvc_file] if found.dvc_file.exists() else [])
    for path in kept:
        properties = (
            {"description": "names the folder's bytes in DVC"} if path.name == DVC_FILE else {}
        )
        file = crate.add_file(path, f"{found.folder}/{path.name}", properties=properties)
        dataset.append_to("hasPart", file)
    return dataset


def _action(
    crate, workflow, key: str, found: ResultFolder, lineage: LineageGraph, folders: dict
) -> None:
    manifest = read_json(found.seals[-1])
    made = manifest.get("environment", {})
    action = crate.add_action(
        workflow,
        identifier=f"#{key}",
        object=[folders[parent] for parent in lineage.parents[key] if parent in folders],
        result=[folders[key]],
        properties={
            "name": f"{found.config['kind']} {found.config['name']}",
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
    )
    if "created" in manifest:
        action["endTime"] = manifest["created"]
    if made.get("commit"):
        action["description"] = f"by code {made['commit']}" + (
            ", with uncommitted changes (see the manifest)" if made.get("dirty") else ""
        )
