"""Makes data sets: from their sources, or by sampling a model and keeping right answers (section 2)."""


rule evaluation_index:
    """Index the evaluations that training data is compared with (decontamination)."""
    input:
        config=lambda w: rerun(f"results/evaluation_index/{w.index}/config.json"),
        benchmarks=lambda w: TARGETS.index_parents(w.index, "benchmark"),
        held_out=lambda w: TARGETS.index_parents(w.index, "data"),
    output:
        manifest="results/evaluation_index/{index}/manifest.json",
    log:
        "results/evaluation_index/{index}/.attempt.log",
    benchmark:
        "results/evaluation_index/{index}/benchmark.tsv"
    priority: 70
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        r"""
        exec &> >(tee -a {log:q} "$(dirname {log:q})/log.txt")
        python workflow/scripts/evaluation_index.py \
            --config {input.config:q} \
            --benchmarks {input.benchmarks:q} \
            --held-out {input.held_out:q} \
            --manifest {output.manifest:q}
        """


rule prepare:
    """Turn sources into one clean set of records and pictures."""
    input:
        config="results/data/{data}/config.json",
        index=lambda w: parent(
            "results/evaluation_index/{}/manifest.json", data_settings(w).evaluation_index
        ),
    output:
        manifest="results/data/{data}/manifest.json",
    log:
        "results/data/{data}/.attempt.log",
    benchmark:
        "results/data/{data}/benchmark.tsv"
    wildcard_constraints:
        data=TARGETS.data_of("source"),
    priority: 60
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        r"""
        exec &> >(tee -a {log:q} "$(dirname {log:q})/log.txt")
        python workflow/scripts/prepare.py \
            --config {input.config:q} \
            --evaluation-index {input.index:q} \
            --manifest {output.manifest:q}
        """


rule sample:
    """Write one job's part of a sampled set's answers, if R1V3_SAMPLE_PARTS asks for several jobs."""
    input:
        config="results/data/{data}/config.json",
        questions=lambda w: f"results/data/{data_settings(w).questions}/manifest.json",
        model=lambda w: f"results/runs/{data_settings(w).by.run}/manifest.json",
        selection=lambda w: parent(
            "results/selections/{}/manifest.json", data_settings(w).by.selection
        ),
    output:
        part="results/data/{data}/parts/{part}-of-{parts}.json",
    log:
        "results/data/{data}/sample-{part}-of-{parts}.log",
    wildcard_constraints:
        data=TARGETS.data_of("sampled"),
        part=r"\d+",
        parts=r"\d+",
    priority: 100
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        **machines("reject"),
    shell:
        r"""
        exec &> >(tee -a {log:q})
        {resources.launcher} workflow/scripts/sample.py \
            --config {input.config:q} \
            --questions {input.questions:q} \
            --model {input.model:q} \
            --selection {input.selection:q} \
            --part {wildcards.part:q} \
            --parts {wildcards.parts:q} \
            --output {output.part:q}
        """


rule reject:
    """Keep chains with a right answer (rejection sampling); ask for answers that no part has."""
    input:
        config="results/data/{data}/config.json",
        parts=lambda w: TARGETS.sample_parts(w.data),
        questions=lambda w: f"results/data/{data_settings(w).questions}/manifest.json",
        model=lambda w: f"results/runs/{data_settings(w).by.run}/manifest.json",
        selection=lambda w: parent(
            "results/selections/{}/manifest.json", data_settings(w).by.selection
        ),
    output:
        manifest="results/data/{data}/manifest.json",
    log:
        "results/data/{data}/.attempt.log",
    benchmark:
        "results/data/{data}/benchmark.tsv"
    wildcard_constraints:
        data=TARGETS.data_of("sampled"),
    priority: 100
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        **machines("reject"),
    shell:
        r"""
        exec &> >(tee -a {log:q} "$(dirname {log:q})/log.txt")
        {resources.launcher} workflow/scripts/reject.py \
            --config {input.config:q} \
            --questions {input.questions:q} \
            --model {input.model:q} \
            --selection {input.selection:q} \
            --manifest {output.manifest:q}
        """
