"""The resources of rules: the recipe's layout, in the keys of Snakemake's plugin for Slurm.

Without a site file, rules have no such resources, and stages run on this machine.
"""

import shlex
from collections.abc import Callable
from typing import Any

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.schema.layout import Layout, Machines
from r1v3.recipe.site import Site

# TOGETHER: the processes of these stages share one model. TRAINING: those of them that use two processes if
# there is no GPU. SHARED: the processes share the questions. All other stages have one process.
TOGETHER = ("model", "sft", "grpo", "probe")
TRAINING = ("model", "sft", "grpo")
SHARED = ("evaluate",)


# Slurm signals every process of a job step. bash must wait until the stage has saved its state, and `tee`
# until it has the last lines of the log. `-p`: a stage may outlive its Snakemake and still write its log.
PATIENCE = """trap : TERM; tee() {{ trap "" TERM; command tee -p "$@"; }}; """


def prefix(site: Site | None) -> str:
    """Return the text that begins the shell command of every rule."""
    if site is None:
        return f"set -euo pipefail; {PATIENCE}"
    exports = "".join(f"export {n}={shlex.quote(v)}; " for n, v in site.environment.items())
    setup = f"{site.setup}; " if site.setup else ""
    return f"set -euo pipefail; {PATIENCE}" + f"{exports}{setup}".replace("{", "{{").replace(
        "}", "}}"
    )


def machines(stage: str, layout: Layout, site: Site | None) -> dict[str, Any]:
    """Return the `resources` of a stage's rule. Memory and time grow with Snakemake's `attempt`.

    Raises:
        RecipeError: a node of the site has fewer GPUs than the layout asks for.
    """
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
    """Return the command before a stage's script."""
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


def _one_node(asked: Machines, site: Site) -> dict[str, Any]:
    model = {"gpu_model": site.gpus.model} if site.gpus.model else {}
    return {"gpu": asked.gpus, "cpus_per_gpu": site.gpus.cpus_each} | model


def _several_nodes(asked: Machines, site: Site) -> dict[str, Any]:
    """Return resources for several nodes: the plugin starts an `mpi` job's command on its first node, and our
    launcher starts the others."""
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


def _grows(first: int, most: int) -> Callable[[object, int], int]:
    return lambda wildcards, attempt: min(first * attempt, most)
