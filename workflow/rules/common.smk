"""Loads the validated configuration, and defines the few helpers that rules share."""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from r1v3.cluster import resources
from r1v3.cluster.controller import why_no_slurm
from r1v3.cluster.failures import show_failures
from r1v3.provenance.outdated import OtherCode
from r1v3.provenance.times import correct_times
from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.baselines import Baselines
from r1v3.recipe.graph.configs import typed_config
from r1v3.recipe.graph.copies import Copies
from r1v3.recipe.graph.targets import Targets
from r1v3.recipe.locks import own_folder
from r1v3.recipe.site import read_site
from r1v3.recipe.snakemake import command_environment, open_graph, seeds_of
from r1v3.recipe.snakemake_messages import DiskErrors, Locked, NearTargets
from r1v3.recipe.tables.runs import CORE
from r1v3.recipe.tracking import mark_of_store, tracking_uri

command_environment(Path(workflow.basedir), config)
own_folder(Path.cwd())
correct_times(Path(workflow.basedir), logger if workflow.is_main_process else None)

try:
    GRAPH = open_graph(Path(workflow.basedir), config)
    SITE = read_site(config["site"]) if "site" in config else None
except RecipeError as error:
    raise WorkflowError(f"mistakes in the configuration:\n{error}") from None

if SITE:
    show_failures(logger, workflow.output_settings)
for words in (NearTargets(workflow), Locked(), DiskErrors()):
    logger.addFilter(words)
shell.prefix(resources.prefix(SITE))

PROJECT = GRAPH.project
SEEDS = seeds_of(config)
TARGETS = Targets(GRAPH, SEEDS)
BASELINES = Baselines(GRAPH)
# A store's copies are recorded in `results/mlflow<mark>.json`, so that each store gets its own.
COPIES = Copies(TARGETS, mark_of_store(tracking_uri()))
# Results of other code are reported, and made again with `--config rerun_code=true` (docs/identity.md).
OTHER_CODE = OtherCode.of(GRAPH, config, sys.argv, logger if workflow.is_main_process else None)
CHOICE = ["--recipe", config.get("recipe", "tiny")]
CHOICE += ["--overlay", config["overlay"]] if config.get("overlay") else []

# Ids of the core path's results.
CORE_RUNS = [GRAPH.run(name).id for name in CORE]
CORE_DATA = [node.id for node in GRAPH.data_behind(CORE)]
BENCHMARKS = [GRAPH.benchmark(name).id for name in PROJECT.recipe.evaluation.benchmarks]
RL, RL_SELECTION = GRAPH.run("rl").id, GRAPH.selection("rl").id
FINAL_SCORES = TARGETS.scores("final", "last", "benchmarks")


wildcard_constraints:
    name="|".join(PROJECT.runs),
    run="[a-z][a-z0-9_]*-[0-9a-f]{10}",
    data="[a-z][a-z0-9_]*-[0-9a-f]{10}",
    benchmark="[a-z][a-z0-9_]*-[0-9a-f]{10}",
    index="[a-z][a-z0-9_]*-[0-9a-f]{10}",
    selection="[a-z][a-z0-9_]*-[0-9a-f]{10}",
    suite="[a-z][a-z0-9_]*-[0-9a-f]{10}",
    checkpoint="last|selected|step-[0-9]{6}",
    step="[0-9]{6}",
    nats="[0-9.e-]+",
    study="|".join(PROJECT.studies),
    tokens="[0-9]+",
    page=TARGETS.branch_pages(),
    copied=f"mlflow(-studies|-branch-{TARGETS.branch_pages()})?{COPIES.mark}",


def machines(stage):
    """Return what the rule of a stage requests from Slurm, and its launcher."""
    return resources.machines(stage, PROJECT.recipe.layout, SITE)


def rerun(path):
    """Return a path, and force what `rerun_code` asks for."""
    workflow.dag.forcefiles.update(OTHER_CODE.rerun)
    return path


# The typed config of each stage, which decides the inputs of its rule.
def run_settings(w):
    return typed_config(GRAPH.at(rerun(f"results/runs/{w.run}")))


def data_settings(w):
    return typed_config(GRAPH.at(rerun(f"results/data/{w.data}")))


def selection_settings(w):
    return typed_config(GRAPH.at(rerun(f"results/selections/{w.selection}")))


def evaluation_settings(w):
    return typed_config(GRAPH.at(rerun(f"results/evaluations/{w.run}/{w.checkpoint}/{w.suite}")))


def parent(path, id):
    """Return a path with a parent's id in place of `{}`, or no input if the config names none."""
    return path.format(id) if id else []


def named_run(w):
    """Return a named run's manifest, and force the name if it shows another run (as in a clone) or none."""
    if TARGETS.is_outdated(w.name, Path()):
        workflow.dag.forcefiles.add(f"results/runs/{w.name}.json")
    return f"{GRAPH.run(w.name).folder}/manifest.json"
