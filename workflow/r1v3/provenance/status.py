"""Shows the state of a recipe: how far each run is, and which results other code computed."""

from r1v3.provenance.outdated import outdated_results
from r1v3.recipe.graph.identity import Node
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.outputs.code import outdated_lines
from r1v3.recipe.tables.runs import CORE

# Files that an unfinished stage leaves in its folder.
BEGUN = (".environment.json", "resume", "responses")


def status_lines(graph: ResultGraph) -> list[str]:
    """Return a line for each run of the run table, core path first; then results that other code computed."""
    others = [name for name in graph.project.runs if name not in CORE]
    nodes = {name: graph.run(name) for name in (*CORE, *others)}
    rows = [(name, node, _state(graph, node)) for name, node in nodes.items()]
    width = max(len(name) for name in nodes)
    lines = [
        f"{name:<{width}}  {node.kind:<5}  {state:<8}  {node.folder}" for name, node, state in rows
    ]
    done = sum(state == "finished" for *_, state in rows)
    lines.append(f"{done} of {len(rows)} runs of recipe {graph.recipe.name} are finished")
    told = outdated_lines(outdated_results(graph))
    if told:
        told.append(
            "`snakemake --config rerun_code=true` makes all of them again, and what is made from them"
        )
    return [*lines, *told]


def _state(graph: ResultGraph, node: Node) -> str:
    folder = graph.project.root / node.folder
    if (folder / "manifest.json").exists():
        return "finished"
    return "begun" if any((folder / name).exists() for name in BEGUN) else "absent"
