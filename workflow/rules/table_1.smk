"""Makes Table 1 with the recipe's baselines beside published scores. No other target asks for it."""


localrules:
    table_1,


rule baseline:
    """Let a baseline behind a server answer all benchmarks, and score it (section 4); this may cost money."""
    input:
        benchmarks=expand("results/benchmarks/{benchmark}/manifest.json", benchmark=BENCHMARKS),
    output:
        column="results/table_1/{baseline}-{hash}.json",
    log:
        "results/table_1/{baseline}-{hash}.log",
    wildcard_constraints:
        baseline="[a-z0-9_]+",
        hash=BASELINES.hashes("server"),
    priority: 5
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        launcher="python",
    params:
        recipe=config.get("recipe", "tiny"),
        overlay=config.get("overlay", []),
    shell:
        r"""
        exec &> >(tee -a {log:q})
        {resources.launcher} workflow/scripts/baseline.py \
            --baseline {wildcards.baseline:q} \
            --recipe {params.recipe:q} \
            --overlay {params.overlay:q} \
            --output {output.column:q}
        """


use rule baseline as baseline_of_hub with:
    output:
        column="results/table_1/{baseline}-{hash}.json",
    wildcard_constraints:
        baseline="[a-z0-9_]+",
        hash=BASELINES.hashes("hub"),
    conda:
        "../../envs/gpu.yaml"
    resources:
        **machines("evaluate"),


rule table_1:
    """Write measured scores beside the published ones, in one table and figures 1 and 3."""
    input:
        columns=BASELINES.scores(),
        table="config/benchmarks.yaml",
        # Shown if it exists; this rule does not train it.
        final=FINAL_SCORES if Path(FINAL_SCORES).exists() else [],
    output:
        page="results/studies/table_1.html",
        content="results/studies/table_1.json",
    log:
        "results/log/table_1.txt",
    priority: 5
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        source=PROJECT.recipe.evaluation.source,
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/table_1.py \
            --columns {input.columns:q} \
            --table {input.table:q} \
            --final {input.final:q} \
            --source {params.source:q} \
            --output {output.page:q}
        """
