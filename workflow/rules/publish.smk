"""What others read: each folder's config, each run's stable name, and the copy in MLflow."""


localrules:
    config,
    link,


rule config:
    """Write all that a stage reads, which is also what its folder's hash covers."""
    output:
        config="results/{folder}/config.json",
    log:
        "results/{folder}/.config.log",
    priority: 200
    conda:
        "../../envs/cpu.yaml"
    params:
        text=lambda w: config_text(f"results/{w.folder}"),
    shell:
        r"""
        printf '%s\n' {params.text:q} >{output.config:q} 2>{log:q}
        """


rule link:
    """Give a run its stable name."""
    input:
        manifest=lambda w: manifest(DOCUMENTS.run(w.name).id, "runs"),
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


rule publish:
    """Make MLflow's copy of the core path complete and free of duplicates."""
    input:
        runs=[manifest(DOCUMENTS.run(name).id, "runs") for name in CORE],
        selection=manifest(DOCUMENTS.probe("rl").id, "selections"),
        checkpoints=checkpoint_scores("rl"),
        held_out=held_out_scores(),
        benchmarks=scores("final", "last", "benchmarks"),
    output:
        published="results/mlflow.json",
    log:
        "results/log/publish.txt",
    priority: 50
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    resources:
        tracking_uri="sqlite:///mlflow.db",
    params:
        experiment=PROJECT.recipe.name,
    shell:
        r"""
        exec &> >(tee {log:q})
        python workflow/scripts/publish.py \
            --experiment {params.experiment:q} \
            --runs {input.runs:q} \
            --selection {input.selection:q} \
            --scores {input.checkpoints:q} {input.held_out:q} {input.benchmarks:q} \
            --tracking-uri {resources.tracking_uri:q} \
            --output {output.published:q}
        """


rule snapshot:
    """Do what is left to do, then record it in DVC and git's index; DVC has one lock a checkout."""
    input:
        rules.all.input,
    log:
        "results/log/snapshot.txt",
    conda:
        "../../envs/cpu.yaml"
    threads: 1
    params:
        recipe=config.get("recipe", "tiny"),
        overlay=f"--overlay={config['overlay']}" if "overlay" in config else [],
    shell:
        r"""
        exec &> >(tee {log:q})
        python -m r1v3 --recipe {params.recipe:q} {params.overlay:q} snapshot
        """
