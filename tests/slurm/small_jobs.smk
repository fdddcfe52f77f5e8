"""Many jobs of a moment each, for a test."""


rule all:
    input:
        expand("small/{n}.txt", n=range(48)),


rule small:
    output:
        "small/{n}.txt",
    resources:
        mem_mb=1000,
        runtime=1,
    shell:
        "echo {wildcards.n} >{output}"
