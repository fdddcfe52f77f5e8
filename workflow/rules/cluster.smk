"""Checks whether the machines are ready: `r1v3 preflight`."""


rule preflight:
    """Check and measure the machines of a training stage before it uses them."""
    output:
        findings="results/preflight.json",
    log:
        "results/log/preflight.txt",
    conda:
        "../../envs/gpu.yaml"
    threads: 2
    resources:
        **machines("sft"),
    params:
        recipe=config.get("recipe", "tiny"),
        overlay=config.get("overlay", []),
    shell:
        r"""
        exec &> >(tee {log:q})
        {resources.launcher} workflow/scripts/preflight.py \
            --recipe {params.recipe:q} \
            --overlay {params.overlay:q} \
            --output {output.findings:q}
        """
