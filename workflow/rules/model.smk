"""Makes models that no ablation changes, by download or from scratch, and checks that engines agree."""


rule model:
    """Obtain the base model or the teacher."""
    input:
        config="results/runs/{run}/config.json",
        start=lambda w: parent("results/runs/{}/manifest.json", run_settings(w).start),
        data=lambda w: expand(
            "results/data/{data}/manifest.json", data=run_settings(w).data.values()
        ),
    output:
        manifest="results/runs/{run}/manifest.json",
    log:
        "results/runs/{run}/.attempt.log",
    benchmark:
        "results/runs/{run}/benchmark.tsv"
    wildcard_constraints:
        run=TARGETS.runs_of("model"),
    priority: 100
    conda:
        "../../envs/gpu.yaml"
    threads: 2
    resources:
        **machines("model"),
    shell:
        r"""
        exec &> >(tee -a {log:q} "$(dirname {log:q})/log.txt")
        {resources.launcher} workflow/scripts/model.py \
            --config {input.config:q} \
            --parent {input.start:q} \
            --data {input.data:q} \
            --manifest {output.manifest:q}
        """


rule parity:
    """Compare vLLM with transformers on a run's last checkpoint; too large a gap stops later stages."""
    input:
        config="results/runs/{run}/config.json",
        run="results/runs/{run}/manifest.json",
    output:
        parity="results/parity/{run}/within-{nats}-nats-over-{tokens}-tokens.json",
    log:
        "results/parity/{run}/within-{nats}-nats-over-{tokens}-tokens.log",
    priority: 95
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        **machines("parity"),
    shell:
        r"""
        exec &> >(tee -a {log:q})
        {resources.launcher} workflow/scripts/parity.py \
            --config {input.config:q} \
            --run {input.run:q} \
            --max-gap {wildcards.nats:q} \
            --tokens {wildcards.tokens:q} \
            --output {output.parity:q}
        """
