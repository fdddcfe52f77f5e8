"""What the scores say together: the summary, the studies, the ledger of claims, the report."""


rule summary:
    """Gather the core path's scores in one small file."""
    input:
        held_out=held_out_scores(),
        benchmarks=scores("final", "last", "benchmarks"),
    output:
        summary="results/summary.json",
    log:
        "results/log/summary.txt",
    priority: 50
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/summary.py \
            --held-out {input.held_out:q} \
            --benchmarks {input.benchmarks:q} \
            --output {output.summary:q}
        """


rule report:
    """Write one self-contained page with the curves, the tables and a link to every run."""
    input:
        summary="results/summary.json",
        runs=[manifest(DOCUMENTS.run(name).id, "runs") for name in CORE],
        selection=manifest(DOCUMENTS.selection("rl").id, "selections"),
        checkpoints=checkpoint_scores("rl"),
        data=[manifest(DOCUMENTS.data(name).id, "data") for name in FIGURE_2],
        benchmarks=scores("final", "last", "benchmarks"),
        asked=[
            manifest(DOCUMENTS.benchmark(name).id, "benchmarks")
            for name in PROJECT.recipe.evaluation.benchmarks
        ],
        table="config/benchmarks.yaml",
        held_out=scores("final", "last", "held_out"),
        pages="results/pages/index.html",
        # Shown as far as they have been made; `make studies` makes them.
        studies=[path for path in STUDY_CONTENTS if Path(path).exists()],
        claims="results/claims.json" if Path("results/claims.json").exists() else [],
    output:
        report="results/report.html",
    log:
        "results/log/report.txt",
    priority: 50
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        recipe=config.get("recipe", "tiny"),
        overlay=config.get("overlay", []),
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/report.py \
            --recipe {params.recipe:q} \
            --summary {input.summary:q} \
            --runs {input.runs:q} \
            --selection {input.selection:q} \
            --checkpoints {input.checkpoints:q} \
            --data {input.data:q} \
            --benchmarks {input.benchmarks:q} \
            --asked {input.asked:q} \
            --table {input.table:q} \
            --held-out {input.held_out:q} \
            --studies {input.studies:q} \
            --claims {input.claims:q} \
            --overlay {params.overlay:q} \
            --output {output.report:q}
        """


rule cards:
    """Write a data card a set, and what the evaluations share with the training data."""
    input:
        data=[node_manifest(node) for node in CORE_DATA],
        index=node_manifest(DOCUMENTS.evaluation_index()),
        benchmarks=[
            manifest(DOCUMENTS.benchmark(name).id, "benchmarks")
            for name in PROJECT.recipe.evaluation.benchmarks
        ],
        scores=scores("final", "last", "benchmarks"),
        sources="config/sources.yaml",
    output:
        cards="results/cards/index.html",
    log:
        "results/log/cards.txt",
    priority: 50
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        trained=FIGURE_2,
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/cards.py \
            --data {input.data:q} \
            --trained {params.trained:q} \
            --evaluation-index {input.index:q} \
            --benchmarks {input.benchmarks:q} \
            --scores {input.scores:q} \
            --sources {input.sources:q} \
            --output {output.cards:q}
        """


rule modes:
    """Compare the final model's ways of thinking: modes, caps and budgets (sections 6.2 and 6.3)."""
    input:
        scores=[
            scores("final", "last", f"{suite}__{way}")
            for suite in ("checkpoint", "held_out")
            for way in PROJECT.recipe.thinking.ways()
        ],
    output:
        markdown="results/tables/modes.md",
        html="results/tables/modes.html",
        csv="results/tables/modes.csv",
        tex="results/tables/modes.tex",
    log:
        "results/log/modes.txt",
    priority: 5
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/modes.py \
            --scores {input.scores:q} \
            --output {output.markdown:q}
        """


rule plots:
    """Write the tables that `dvc plots` draws."""
    input:
        run=manifest(DOCUMENTS.run("rl").id, "runs"),
        selection=manifest(DOCUMENTS.selection("rl").id, "selections"),
        scores=checkpoint_scores("rl"),
    output:
        curves="results/plots/grpo.csv",
        checkpoints="results/plots/checkpoints.csv",
    log:
        "results/log/plots.txt",
    priority: 50
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        folder=subpath(output.curves, parent=True),
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/plots.py \
            --run {input.run:q} \
            --selection {input.selection:q} \
            --scores {input.scores:q} \
            --folder {params.folder:q}
        """


rule study:
    """Compare the arms of one study: figures, table, verdicts."""
    input:
        results=study_inputs,
        studies="config/studies.yaml",
        claims="config/claims.yaml",
    output:
        page="results/studies/{study}.html",
        content="results/studies/{study}.json",
    log:
        "results/log/study-{study}.txt",
    priority: 5
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        recipe=config.get("recipe", "tiny"),
        overlay=config.get("overlay", []),
        seeds=SEEDS,
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/study.py \
            --study {wildcards.study:q} \
            --recipe {params.recipe:q} \
            --overlay {params.overlay:q} \
            --seeds {params.seeds:q} \
            --output {output.page:q}
        """


rule claims:
    """Gather every claim's verdict in one table."""
    input:
        studies=STUDY_CONTENTS,
        claims="config/claims.yaml",
    output:
        page="results/claims.html",
        content="results/claims.json",
    log:
        "results/log/claims.txt",
    priority: 5
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        recipe=config.get("recipe", "tiny"),
        overlay=config.get("overlay", []),
        seeds=SEEDS,
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/claims.py \
            --recipe {params.recipe:q} \
            --overlay {params.overlay:q} \
            --seeds {params.seeds:q} \
            --studies {input.studies:q} \
            --output {output.page:q}
        """


rule studies:
    """Every study's page, the ledger, MLflow's copy; `--config seeds=3` runs three seeds of each branch."""
    input:
        all_study_inputs(),
        expand("results/studies/{study}.html", study=PROJECT.studies),
        "results/claims.html",
        "results/tables/modes.md",
        wanted_copy("mlflow-studies"),
    localrule: True
