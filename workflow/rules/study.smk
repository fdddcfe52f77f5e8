"""Combines scores: the summary, the studies, the ledger of claims, the report."""


# These take seconds. Under Slurm they run on Snakemake's machine.
localrules:
    summary,
    report,
    plots,


rule summary:
    """Collect the core path's scores in one small file."""
    input:
        held_out=TARGETS.held_out_scores(),
        benchmarks=FINAL_SCORES,
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
        runs=expand("results/runs/{run}/manifest.json", run=CORE_RUNS),
        selection=f"results/selections/{RL_SELECTION}/manifest.json",
        checkpoints=TARGETS.checkpoint_scores("rl"),
        data=expand(
            "results/data/{data}/manifest.json",
            data=[GRAPH.data(name).id for name in TARGETS.figure_2()],
        ),
        benchmarks=FINAL_SCORES,
        asked=expand("results/benchmarks/{benchmark}/manifest.json", benchmark=BENCHMARKS),
        table="config/benchmarks.yaml",
        held_out=TARGETS.scores("final", "last", "held_out"),
        pages="results/pages/index.html",
        # Only existing studies are shown; `make studies` makes them.
        studies=[
            f"results/studies/{study}.json"
            for study in PROJECT.studies
            if Path(f"results/studies/{study}.json").exists()
        ],
        claims="results/claims.json" if Path("results/claims.json").exists() else [],
        other_code=OTHER_CODE.note,
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
            --other-code {input.other_code:q} \
            --overlay {params.overlay:q} \
            --output {output.report:q}
        """


rule cards:
    """Write a data card for each set, and what the evaluations share with the training data."""
    input:
        data=expand("results/data/{data}/manifest.json", data=CORE_DATA),
        index=f"results/evaluation_index/{GRAPH.evaluation_index().id}/manifest.json",
        benchmarks=expand("results/benchmarks/{benchmark}/manifest.json", benchmark=BENCHMARKS),
        scores=FINAL_SCORES,
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
        trained=TARGETS.figure_2(),
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
    """Compare the final model's thinking modes, caps and budgets (sections 6.2 and 6.3)."""
    input:
        scores=[
            TARGETS.scores("final", "last", f"{suite}__{mode}")
            for suite in ("checkpoint", "held_out")
            for mode in PROJECT.recipe.thinking.modes()
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
        run=f"results/runs/{RL}/manifest.json",
        selection=f"results/selections/{RL_SELECTION}/manifest.json",
        scores=TARGETS.checkpoint_scores("rl"),
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
        results=lambda w: TARGETS.study_results(w.study),
        studies="config/studies.yaml",
        claims="config/claims.yaml",
        numbers="config/report.yaml",
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


rule branch:
    """Compare a branch with its parent run on one page (`r1v3 ablate`)."""
    input:
        results=lambda w: TARGETS.branch_results(w.page),
    output:
        page="results/branches/{page}.html",
    log:
        "results/log/branch-{page}.txt",
    priority: 5
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        recipe=config.get("recipe", "tiny"),
        overlay=config.get("overlay", []),
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/branch.py \
            --page {wildcards.page:q} \
            --recipe {params.recipe:q} \
            --overlay {params.overlay:q} \
            --output {output.page:q}
        """


rule claims:
    """Collect every claim's verdict in one table."""
    input:
        studies=expand("results/studies/{study}.json", study=TARGETS.claimed_studies()),
        claims="config/claims.yaml",
        numbers="config/report.yaml",
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


rule summary_page:
    """Say in sentences which claims hold, which do not, and which cannot be decided at this size."""
    input:
        claims="results/claims.json",
    output:
        page="results/summary.html",
        content="results/claims_summary.json",
    log:
        "results/log/summary_page.txt",
    priority: 5
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        recipe=config.get("recipe", "tiny"),
        overlay=config.get("overlay", []),
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/summary_page.py \
            --recipe {params.recipe:q} \
            --overlay {params.overlay:q} \
            --claims {input.claims:q} \
            --output {output.page:q}
        """


rule studies:
    """Make all studies' pages, the ledger and MLflow's copy; `--config seeds=3` takes 3 seeds a branch."""
    input:
        TARGETS.all_study_results(),
        expand("results/studies/{study}.html", study=PROJECT.studies),
        "results/claims.html",
        "results/summary.html",
        "results/tables/modes.md",
        COPIES.wanted("mlflow-studies"),
    localrule: True
