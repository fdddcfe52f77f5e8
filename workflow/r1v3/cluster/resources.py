"""The resources of rules: what the recipe's layout asks for, in the words of Slurm's plugin for Snakemake.

Without a site nothing is asked for, and a stage starts on this machine.
"""

import shlex

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.schema.layout import Layout, Machines
from r1v3.recipe.site import Site

# Stages whose processes hold one model together, of which some take two where there is no GPU, and those
# whose processes share questions; the others are alone.
TOGETHER = ("model", "sft", "grpo", "probe")
TRAINING = ("model", "sft", "grpo")
SHARED = ("evaluate",)


# Slurm sends its signals to every process of a job step: bash is to wait for the stage that saves its state,
# and `tee` for the last lines of its log.
PATIENCE = """trap : TERM; tee() {{ trap "" TERM; command tee "$@"; }}; """


def prefix(site: Site | None) -> str:
    """What the shell of every rule begins with."""
    if site is None:
        return f"set -euo pipefail; {PATIENCE}"
    exports = "".join(f"export {n}={shlex.quote(v)}; " for n, v in site.environment.items())
    setup = f"{site.setup}; " if site.setup else ""
    return f"set -euo pipefail; {PATIENCE}" + f"{exports}{setup}".replace("{", "{{").replace(
        "}", "}}"
    )


def machines(stage: str, layout: Layout, site: Site | None) -> dict:
    """The `resources` of a stage's rule; memory and time grow with Snakemake's `attempt`."""
    if site is None:
        return {
            "launcher": "python -m r1v3.cluster.launch --processes 2"
            if stage in TRAINING
            else "python"
        }
    asked: Machines = getattr(layout, stage)
    if asked.gpus > site.gpus.per_node:
        raise RecipeError(
            [
                f"layout.{stage}.gpus: {asked.gpus} GPUs a node, but slurm/site.yaml's nodes have"
                f" {site.gpus.per_node}"
            ]
        )
    resources = {
        "launcher": launcher(stage, asked, site),
        "mem_mb": _grows(1000 * _memory(asked, site), 1000 * _most_memory(asked, site)),
        "runtime": _grows(round(60 * asked.hours), round(60 * site.max_hours)),
    }
    if asked.gpus:
        resources |= {"slurm_partition": site.gpu_partition} if site.gpu_partition else {}
        resources |= _one_node(asked, site) if asked.nodes == 1 else _several_nodes(asked, site)
    return resources


def launcher(stage: str, asked: Machines, site: Site) -> str:
    """The command before a stage's script."""
    words = f"python -m r1v3.cluster.launch --save-minutes {site.save_minutes:g}"
    if site.python != "python":
        words += f" --python '{site.python}'"
    if asked.tensor_parallel:
        words += f" --tensor-parallel {asked.tensor_parallel}"
    if asked.engine_memory:
        words += f" --engine-memory {asked.engine_memory:g}"
    if stage in TOGETHER:
        return f"{words} --processes {asked.gpus or 1 + (stage in TRAINING)}"
    return words + " --shards" * (stage in SHARED)


def _one_node(asked: Machines, site: Site) -> dict:
    model = {"gpu_model": site.gpus.model} if site.gpus.model else {}
    return {"gpu": asked.gpus, "cpus_per_gpu": site.gpus.cpus_each} | model


def _several_nodes(asked: Machines, site: Site) -> dict:
    """The plugin starts an `mpi` job's command on the first node alone, and our launcher the rest."""
    gpus = f"{site.gpus.model}:{asked.gpus}" if site.gpus.model else f"{asked.gpus}"
    return {
        "mpi": "srun",
        "nodes": asked.nodes,
        "tasks": asked.nodes,
        "cpus_per_task": asked.gpus * site.gpus.cpus_each,
        "slurm_extra": f"--gpus-per-node={gpus} --ntasks-per-node=1",
    }


def _memory(asked: Machines, site: Site) -> int:
    return asked.memory_gb or max(1, asked.gpus) * site.gpus.node_memory_gb_each


def _most_memory(asked: Machines, site: Site) -> int:
    return max(_memory(asked, site), site.gpus.per_node * site.gpus.node_memory_gb_each)


def _grows(first: int, most: int):
    return lambda wildcards, attempt: min(first * attempt, most)
