"""The validated configuration, and the input functions that rules share."""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from r1v3.cluster import resources
from r1v3.cluster.failures import show_failures
from r1v3.recipe.site import read_site
from r1v3.provenance.times import settle
from r1v3.recipe.graph.arms import needs
from r1v3.recipe.errors import RecipeError
from r1v3.recipe.schema.training import checkpoint_steps
from r1v3.recipe.tables.runs import CORE
from r1v3.recipe.snakemake import (
    LOCAL_STORE,
    command_environment,
    mark_of_store,
    open_graph,
    seeds_of,
)

command_environment(Path(workflow.basedir))
settle(Path(workflow.basedir))

try:
    DOCUMENTS = open_graph(Path(workflow.basedir), config)
    # The cluster, where the Slurm profile is used.
    SITE = read_site(config["site"]) if "site" in config else None
except RecipeError as error:
    raise WorkflowError(f"mistakes in the configuration:\n{error}") from None

PROJECT = DOCUMENTS.project
SEEDS = seeds_of(config)
if SITE:
    show_failures(logger, workflow.output_settings)
shell.prefix(resources.prefix(SITE))
# A server by one variable; a file without.
TRACKING_URI = os.environ.get("MLFLOW_TRACKING_URI") or LOCAL_STORE
# What a store has been given is noted in `results/mlflow<this>.json`, so that another one gets its own copy.
STORE = mark_of_store(TRACKING_URI)
# What commands of `r1v3` need to know of this call.
CHOICE = ["--recipe", config.get("recipe", "tiny")]
CHOICE += ["--overlay", config["overlay"]] if config.get("overlay") else []
# What the summary compares: a run, and the checkpoint of it that goes on.
HELD_OUT = {"base": "last", "cold_start": "last", "rl": "selected", "final": "last"}

# The training sets of the three stages, whose make-up figure 2 shows.
FIGURE_2 = [PROJECT.runs[name].entry.data for name in ("cold_start", "rl", "final")]

# Every data set of the core path: a card each.
CORE_DATA = DOCUMENTS.data_behind(CORE)
STUDY_CONTENTS = [f"results/studies/{name}.json" for name in PROJECT.studies]


# Seconds of work: under Slurm they run where Snakemake does, which also reaches MLflow's server.
localrules:
    select_checkpoint,
    summary,
    report,
    plots,
    publish,


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
    copied=f"mlflow(-studies)?{STORE}",


def machines(stage):
    """What the rule of a stage asks Slurm for, and its launcher."""
    return resources.machines(stage, PROJECT.recipe.layout, SITE)


def runs_of(stage):
    """A pattern for the ids of a stage's runs: three rules write results/runs/{run}/manifest.json."""
    ids = [DOCUMENTS.run(run.name).id for run in PROJECT.runs.values() if run.stage == stage]
    return "|".join(ids) or "none"


def data_of(kind):
    """A pattern for the ids of the data sets that are `source` or `sampled`."""
    sets = PROJECT.recipe.data.items()
    return "|".join(DOCUMENTS.data(name).id for name, entry in sets if entry.kind == kind) or "none"


def manifest(id, shelf):
    """The manifest of an id, or no input where there is none."""
    return f"results/{shelf}/{id}/manifest.json" if id else []


def data_manifests(ids):
    return [manifest(id, "data") for id in ids]


def benchmark_manifests(evaluation):
    return [manifest(id, "benchmarks") for id in evaluation["benchmarks"].values()]


def document(folder):
    """The document of a folder of results/; a rule's inputs follow from it."""
    return DOCUMENTS.at(folder).document


def config_text(folder):
    return json.dumps(DOCUMENTS.at(folder).config, indent=2, ensure_ascii=False)


def run_document(wildcards):
    return document(f"results/runs/{wildcards.run}")


def data_document(wildcards):
    return document(f"results/data/{wildcards.data}")


def node_manifest(node):
    return f"{node.folder}/manifest.json"


def index_parents(wildcards, kind):
    """The manifests of the benchmarks, or of the held-out sets, that an index of evaluations is made of."""
    node = DOCUMENTS.at(f"results/evaluation_index/{wildcards.index}")
    return [f"{each.folder}/manifest.json" for each in node.parents if each.kind == kind]


def compared_with(wildcards):
    """The index of evaluations that a data set is compared with; nothing where it is not."""
    if data_document(wildcards)["set"]["contaminated"] is None:
        return []
    return f"{DOCUMENTS.evaluation_index().folder}/manifest.json"


def sample_parts(wildcards):
    """The parts of a sampled set that jobs of their own answer; none where one job does it all."""
    parts = int(os.environ.get("R1V3_SAMPLE_PARTS", "1"))
    if parts == 1:
        return []
    return [f"results/data/{wildcards.data}/parts/{part}-of-{parts}.json" for part in range(parts)]


def selection_document(wildcards):
    return document(f"results/selections/{wildcards.selection}")


def selection_probes(wildcards):
    """One probe for each checkpoint that the run keeps."""
    folder = f"results/selections/{wildcards.selection}"
    return [f"{folder}/probe-step-{step}.json" for step in kept_steps(DOCUMENTS.at(folder).name)]


def evaluation_document(wildcards):
    return document(f"results/evaluations/{wildcards.run}/{wildcards.checkpoint}/{wildcards.suite}")


def kept_steps(run):
    """The steps of the checkpoints that a GRPO run keeps, as they stand in file names."""
    return [f"{step:06d}" for step in checkpoint_steps(PROJECT.runs[run].settings)]


def scores(run, checkpoint, suite):
    return f"{DOCUMENTS.evaluation(run, checkpoint, suite).folder}/scores.json"


def checkpoint_scores(run):
    return [scores(run, f"step-{step}", "checkpoint") for step in kept_steps(run)]


def parity(run):
    """The gate that vLLM has to pass on a run's checkpoint; nothing where another engine answers."""
    gate = PROJECT.recipe.generation.parity
    if PROJECT.recipe.generation.engine != "vllm":
        return []
    return f"results/parity/{run}/within-{gate.max_gap}-nats-over-{gate.tokens}-tokens.json"


def study_inputs(wildcards):
    """Every finished result that a study reads, of all seeds."""
    return results_of_study(wildcards.study)


def all_study_inputs():
    """What all studies read, by folders that carry hashes; `core_results` says why a target names these."""
    return sorted({path for study in PROJECT.studies for path in results_of_study(study)})


def results_of_study(study):
    needed = needs(DOCUMENTS, PROJECT.studies[study], SEEDS)
    folders = [node.folder for node in (*needed.runs, *needed.probes)]
    manifests = [f"{folder}/manifest.json" for folder in folders]
    return manifests + [f"{node.folder}/scores.json" for node in needed.evaluations]


def studied(part):
    """The `runs`, `probes` or `evaluations` of all studies, by folder."""
    needed = [needs(DOCUMENTS, study, SEEDS) for study in PROJECT.studies.values()]
    nodes = {node.folder: node for each in needed for node in getattr(each, part)}
    return [nodes[folder] for folder in sorted(nodes)]


def of_core(copy):
    """Whether a copy in MLflow is the core path's, which also takes what else has been made so far."""
    return copy == f"mlflow{STORE}"


def runs_of_copy(copy):
    if not of_core(copy):
        return studied("runs")
    others = [DOCUMENTS.run(name) for name in sorted(PROJECT.runs) if name not in CORE]
    made = [node for node in others if Path(node_manifest(node)).exists()]
    return [*(DOCUMENTS.run(name) for name in CORE), *made]


def copied_runs(wildcards):
    return [node_manifest(node) for node in runs_of_copy(wildcards.copied)]


def copied_selections(wildcards):
    core, every = node_manifest(DOCUMENTS.selection("rl")), map(node_manifest, studied("probes"))
    kept = [path for path in every if not of_core(wildcards.copied) or Path(path).exists()]
    return list(dict.fromkeys([core, *kept]))


def copied_scores(wildcards):
    """The core path's scores, and what studies ask. Other ways of thinking than a run's own are left out, since
    their scores have the same names.
    """
    core = [*checkpoint_scores("rl"), *held_out_scores(), scores("final", "last", "benchmarks")]
    asked = [f"{n.folder}/scores.json" for n in studied("evaluations") if "__" not in n.name]
    kept = [path for path in asked if not of_core(wildcards.copied) or Path(path).exists()]
    return list(dict.fromkeys([*core, *kept]))


def copy_before(wildcards):
    """The copy that another goes on from; two at once would get in each other's way."""
    return [] if of_core(wildcards.copied) else f"results/mlflow{STORE}.json"


def wanted_copy(name):
    """MLflow's copy of the core path (`mlflow`) or of the studies (`mlflow-studies`), where it is wanted: not in
    a clone whose runs all came recorded, as long as it has no database; there `make ui` makes one.
    """
    copy = f"{name}{STORE}"
    files = [f"{n.folder}/{f}" for n in runs_of_copy(copy) for f in ("manifest.json", "data.dvc")]
    came = all(Path(file).exists() for file in files)
    return [] if came and not STORE and not Path("mlflow.db").exists() else f"results/{copy}.json"


def held_out_scores():
    return [scores(run, checkpoint, "held_out") for run, checkpoint in HELD_OUT.items()]


def core_results():
    """What the core path measures, by folders that carry hashes: `all` asks for these by name, because
    a changed number is then seen even where Snakemake has no notes of earlier runs (a fresh clone).
    """
    runs = [manifest(DOCUMENTS.run(name).id, "runs") for name in CORE]
    final = scores("final", "last", "benchmarks")
    names = [f"results/runs/{name}.json" for name in CORE]
    return [*runs, *names, *held_out_scores(), *checkpoint_scores("rl"), final]
