"""Defines the machines of each stage. Results depend on them only by rounding, so no hash covers them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from r1v3.recipe.schema.section import Positive, Rate, Section, Share

Stage = Literal["model", "reject", "parity", "sft", "grpo", "probe", "evaluate"]


class Machines(Section):
    """What a stage requests from a cluster.

    `gpus` is the number of GPUs of each of its `nodes`. `hours` is the time that a job requests at its first
    attempt. `memory_gb` is the memory of a node; `null`: the share of its GPUs, from `slurm/site.yaml`.
    `tensor_parallel` is the number of GPUs that share one vLLM; `null`: all of a node. `engine_memory` is the
    share of each GPU's memory that vLLM takes. A trainer on the same GPU keeps its weights and optimizer
    averages in the rest.
    """

    nodes: Positive
    """Nodes of a job."""
    gpus: Annotated[int, Field(ge=0, strict=True)]
    """GPUs of each node."""
    hours: Rate
    """Hours that a job requests at its first attempt."""
    memory_gb: Positive | None
    """Memory of a node in GB; null: its GPUs' share by slurm/site.yaml."""
    tensor_parallel: Positive | None
    """GPUs that share one vLLM; null: all of a node."""
    engine_memory: Share | None
    """Share of each GPU's memory that vLLM takes."""

    @model_validator(mode="after")
    def _engines_fill_nodes(self):
        if self.tensor_parallel and (self.gpus == 0 or self.gpus % self.tensor_parallel):
            raise ValueError("tensor_parallel must divide gpus")
        return self


class Layout(Section):
    """`Machines` of every stage that uses a model; the other stages run on one or two cores."""

    model: Machines
    """Models that no run of the table trains."""
    reject: Machines
    """Rejection sampling."""
    parity: Machines
    """The parity check before vLLM answers."""
    sft: Machines
    """Supervised runs."""
    grpo: Machines
    """Reinforced runs."""
    probe: Machines
    """Probes of checkpoints."""
    evaluate: Machines
    """Evaluations."""
