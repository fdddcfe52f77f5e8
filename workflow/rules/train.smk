"""Trains runs, supervised and by reinforcement, and chooses among a reinforced run's checkpoints."""


# This takes seconds. Under Slurm it runs on Snakemake's machine.
localrules:
    select_checkpoint,


rule sft:
    """Fine-tune on answered questions (sections 3.2 and 3.4)."""
    input:
        config="results/runs/{run}/config.json",
        start=lambda w: f"results/runs/{run_settings(w).start.run}/manifest.json",
        selection=lambda w: parent(
            "results/selections/{}/manifest.json", run_settings(w).start.selection
        ),
        data=lambda w: f"results/data/{run_settings(w).data}/manifest.json",
        validation=lambda w: parent("results/data/{}/manifest.json", run_settings(w).validation),
    output:
        manifest="results/runs/{run}/manifest.json",
    log:
        "results/runs/{run}/.attempt.log",
    benchmark:
        "results/runs/{run}/benchmark.tsv"
    wildcard_constraints:
        run=TARGETS.runs_of("sft"),
    priority: 100
    conda:
        "../../envs/gpu.yaml"
    threads: 2
    resources:
        **machines("sft"),
    shell:
        r"""
        exec &> >(tee -a {log:q} "$(dirname {log:q})/log.txt")
        {resources.launcher} workflow/scripts/sft.py \
            --config {input.config:q} \
            --parent {input.start:q} \
            --selection {input.selection:q} \
            --data {input.data:q} \
            --validation {input.validation:q} \
            --manifest {output.manifest:q}
        """


rule grpo:
    """Train a policy by reinforcement with verifiable rewards (section 3.3)."""
    input:
        config="results/runs/{run}/config.json",
        start=lambda w: f"results/runs/{run_settings(w).start.run}/manifest.json",
        selection=lambda w: parent(
            "results/selections/{}/manifest.json", run_settings(w).start.selection
        ),
        data=lambda w: f"results/data/{run_settings(w).data}/manifest.json",
        parity=lambda w: TARGETS.parity(run_settings(w).start.run),
    output:
        manifest="results/runs/{run}/manifest.json",
    log:
        "results/runs/{run}/.attempt.log",
    benchmark:
        "results/runs/{run}/benchmark.tsv"
    wildcard_constraints:
        run=TARGETS.runs_of("grpo"),
    priority: 100
    conda:
        "../../envs/gpu.yaml"
    threads: 2
    resources:
        **machines("grpo"),
    shell:
        r"""
        exec &> >(tee -a {log:q} "$(dirname {log:q})/log.txt")
        {resources.launcher} workflow/scripts/grpo.py \
            --config {input.config:q} \
            --parent {input.start:q} \
            --selection {input.selection:q} \
            --data {input.data:q} \
            --manifest {output.manifest:q}
        """


rule probe:
    """Measure the entropy of one checkpoint's critical tokens on the probe set (section 5.1)."""
    input:
        config="results/selections/{selection}/config.json",
        run=lambda w: f"results/runs/{selection_settings(w).run}/manifest.json",
        data=lambda w: f"results/data/{selection_settings(w).data}/manifest.json",
    output:
        probe="results/selections/{selection}/probe-step-{step}.json",
    log:
        "results/selections/{selection}/probe-step-{step}.log",
    priority: 90
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        **machines("probe"),
    shell:
        r"""
        exec &> >(tee -a {log:q})
        {resources.launcher} workflow/scripts/probe.py \
            --config {input.config:q} \
            --policy {input.run:q} \
            --step {wildcards.step:q} \
            --data {input.data:q} \
            --output {output.probe:q}
        """


rule select_checkpoint:
    """Choose the checkpoint that later stages use, without any benchmark (section 5.1)."""
    input:
        config="results/selections/{selection}/config.json",
        probes=lambda w: expand(
            "results/selections/{selection}/probe-step-{step}.json",
            selection=w.selection,
            step=TARGETS.steps(selection_settings(w).name),
        ),
    output:
        manifest="results/selections/{selection}/manifest.json",
    log:
        "results/selections/{selection}/.attempt.log",
    priority: 90
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        r"""
        exec &> >(tee -a {log:q} "$(dirname {log:q})/log.txt")
        python workflow/scripts/select_checkpoint.py \
            --config {input.config:q} \
            --probes {input.probes:q} \
            --manifest {output.manifest:q}
        """
