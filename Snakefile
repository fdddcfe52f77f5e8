"""Reproduces Skywork-R1V3 from raw data to the last table. `snakemake --cores all` runs the tiny recipe."""

from snakemake.utils import min_version

min_version("9.27.1")


include: "workflow/rules/common.smk"


localrules:
    all,
    dry,


rule all:
    """Make the core path, its report, and its copy in MLflow."""
    input:
        TARGETS.core_results(),
        expand("results/{page}", page=["summary.json", "report.html", "cards/index.html"]),
        "results/plots/grpo.csv",
        "results/pages/index.html",
        COPIES.wanted("mlflow"),


rule dry:
    """Make every run of the table: a target for `snakemake -n dry`."""
    input:
        rules.all.input,
        expand("results/runs/{name}.json", name=sorted(PROJECT.runs)),


include: "workflow/rules/data.smk"
include: "workflow/rules/model.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/study.smk"
include: "workflow/rules/publish.smk"
include: "workflow/rules/cluster.smk"
