"""Models that no ablation changes: fetched, or built here from nothing."""


rule model:
    """Obtain the base model or the teacher."""
    input:
        config="results/runs/{run}/config.json",
        start=lambda w: manifest(run_document(w)["start"], "runs"),
        data=lambda w: data_manifests(run_document(w)["data"].values()),
    output:
        manifest="results/runs/{run}/manifest.json",
    log:
        "results/runs/{run}/log.txt",
    benchmark:
        "results/runs/{run}/benchmark.tsv"
    wildcard_constraints:
        run=runs_of("model"),
    priority: 100
    conda:
        "../../envs/gpu.yaml"
    threads: 2
    resources:
        launcher="torchrun --standalone --nproc-per-node=2",
    shell:
        r"""
        exec &> >(tee -a {log:q})
        {resources.launcher} workflow/scripts/model.py \
            --config {input.config:q} \
            --parent {input.start:q} \
            --data {input.data:q} \
            --manifest {output.manifest:q}
        """
