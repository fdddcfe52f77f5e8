"""Writes what others read: each folder's config, each run's stable name, and the copy in MLflow."""


# These take seconds. Under Slurm they run on Snakemake's machine, which also reaches MLflow's server.
localrules:
    config,
    link,
    publish,
    snapshot,


rule config:
    """Write all settings that a stage reads; the hash of its folder covers the same settings."""
    output:
        config="results/{folder}/config.json",
    log:
        "results/{folder}/.config.log",
    priority: 200
    conda:
        "../../envs/cpu.yaml"
    params:
        text=lambda w: json.dumps(
            GRAPH.at(f"results/{w.folder}").config, indent=2, ensure_ascii=False
        ),
    shell:
        r"""
        printf '%s\n' {params.text:q} >{output.config:q} 2>{log:q}
        """


rule link:
    """Give a run its stable name."""
    input:
        manifest=named_run,
    output:
        link="results/runs/{name}.json",
    log:
        "results/log/link-{name}.txt",
    priority: 10
    conda:
        "../../envs/cpu.yaml"
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/link.py \
            --manifest {input.manifest:q} \
            --output {output.link:q}
        """


onsuccess:
    # Snakemake's own report is not enough: the requested files must exist.
    asked = workflow.dag_settings
    if not (asked.until or asked.omit_from or asked.batch):
        absent = sorted(
            path for path in workflow.dag.derived_targetfiles if not Path(path).exists()
        )
        if absent:
            raise WorkflowError(
                "Snakemake says that all is done, but this was asked for and is not there: "
                + ", ".join(absent)
                + ". Call the same command again; if it stays away, `--forcerun` its rule."
            )


onstart:
    if workflow.executor_plugin.name == "slurm" and (reason := why_no_slurm()):
        raise WorkflowError(reason)
    # Copies runs to MLflow while they train (r1v3.analyze.mlflow.live). It ends with this process.
    Path("results/log").mkdir(parents=True, exist_ok=True)
    with open("results/log/follow.txt", "w") as said:
        subprocess.Popen(
            [sys.executable, "-m", "r1v3", "follow", *CHOICE] + ["--beside", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


rule publish:
    """Complete MLflow's copy of the core path and other existing results, or of all studies, without
    duplicates."""
    input:
        before=lambda w: COPIES.before(w.copied),
        runs=lambda w: COPIES.runs(w.copied),
        selections=lambda w: COPIES.selections(w.copied),
        scores=lambda w: COPIES.scores(w.copied),
    output:
        published="results/{copied}.json",
    log:
        "results/log/publish-{copied}.txt",
    # Last, so that an absent server does not delay other work.
    priority: 0
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        recipe=config.get("recipe", "tiny"),
        overlay=config.get("overlay", []),
        seeds=SEEDS,
        page=lambda w: COPIES.page_of(w.copied) or [],
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/publish.py \
            --recipe {params.recipe:q} \
            --overlay {params.overlay:q} \
            --runs {input.runs:q} \
            --selections {input.selections:q} \
            --scores {input.scores:q} \
            --seeds {params.seeds:q} \
            --page {params.page:q} \
            --output {output.published:q}
        """


rule snapshot:
    """Make what is missing, then record all in DVC and git's index; a checkout has one lock of DVC."""
    input:
        rules.all.input,
    log:
        "results/log/snapshot.txt",
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        choice=CHOICE,
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m r1v3 snapshot {params.choice:q}
        """
