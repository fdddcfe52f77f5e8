"""Makes benchmarks, the answers to them, and their scores (section 4)."""


rule benchmark:
    """Download a benchmark, or make its miniature, as a TSV file of the benchmark's own columns."""
    input:
        config=lambda w: rerun(f"results/benchmarks/{w.benchmark}/config.json"),
    output:
        manifest="results/benchmarks/{benchmark}/manifest.json",
    log:
        "results/benchmarks/{benchmark}/.attempt.log",
    priority: 20
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        r"""
        exec &> >(tee -a {log:q} "$(dirname {log:q})/log.txt")
        python workflow/scripts/benchmark.py \
            --config {input.config:q} \
            --manifest {output.manifest:q}
        """


rule evaluate:
    """Let one checkpoint answer a suite; an interrupted job continues where it stopped."""
    input:
        config="results/evaluations/{run}/{checkpoint}/{suite}/config.json",
        run="results/runs/{run}/manifest.json",
        selection=lambda w: parent(
            "results/selections/{}/manifest.json", evaluation_settings(w).selection
        ),
        benchmarks=lambda w: expand(
            "results/benchmarks/{benchmark}/manifest.json",
            benchmark=evaluation_settings(w).benchmarks.values(),
        ),
        held_out=lambda w: expand(
            "results/data/{data}/manifest.json", data=evaluation_settings(w).held_out.values()
        ),
        parity=lambda w: TARGETS.parity(w.run),
    output:
        manifest="results/evaluations/{run}/{checkpoint}/{suite}/responses.json",
    log:
        "results/evaluations/{run}/{checkpoint}/{suite}/.attempt.log",
    benchmark:
        "results/evaluations/{run}/{checkpoint}/{suite}/benchmark.tsv"
    priority: 40
    conda:
        "../../envs/gpu.yaml"
    threads: 1
    resources:
        **machines("evaluate"),
    shell:
        r"""
        exec &> >(tee -a {log:q} "$(dirname {log:q})/log.txt")
        {resources.launcher} workflow/scripts/evaluate.py \
            --config {input.config:q} \
            --run {input.run:q} \
            --selection {input.selection:q} \
            --benchmarks {input.benchmarks:q} \
            --held-out {input.held_out:q} \
            --manifest {output.manifest:q}
        """


rule score:
    """Score stored answers, without an engine."""
    input:
        config="results/evaluations/{run}/{checkpoint}/{suite}/config.json",
        responses="results/evaluations/{run}/{checkpoint}/{suite}/responses.json",
        benchmarks=lambda w: expand(
            "results/benchmarks/{benchmark}/manifest.json",
            benchmark=evaluation_settings(w).benchmarks.values(),
        ),
        held_out=lambda w: expand(
            "results/data/{data}/manifest.json", data=evaluation_settings(w).held_out.values()
        ),
    output:
        scores="results/evaluations/{run}/{checkpoint}/{suite}/scores.json",
    log:
        "results/evaluations/{run}/{checkpoint}/{suite}/score.log",
    priority: 50
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        r"""
        exec &> >(tee -a {log:q})
        python workflow/scripts/score.py \
            --config {input.config:q} \
            --responses {input.responses:q} \
            --benchmarks {input.benchmarks:q} \
            --held-out {input.held_out:q} \
            --output {output.scores:q}
        """


rule pages:
    """Write pages about the final model's scores: tables, figures, audit, comparisons, errors."""
    input:
        scores=FINAL_SCORES,
        against=TARGETS.checkpoint_scores("rl"),
        benchmarks=expand("results/benchmarks/{benchmark}/manifest.json", benchmark=BENCHMARKS),
        table="config/benchmarks.yaml",
    output:
        index="results/pages/index.html",
    log:
        "results/log/pages.txt",
    priority: 5
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/pages.py \
            --scores {input.scores:q} \
            --against {input.against:q} \
            --benchmarks {input.benchmarks:q} \
            --table {input.table:q} \
            --output {output.index:q}
        """


include: "table_1.smk"
