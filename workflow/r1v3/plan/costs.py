"""The constants of the plan, `config/costs.yaml`, and whether anybody measured them."""

import time
from pathlib import Path

import torch

from r1v3.recipe.layers import read_yaml
from r1v3.recipe.schema.section import Positive, Rate, Section, Share
from r1v3.train.core.flops import peak_flops

COSTS = Path("config") / "costs.yaml"


class Device(Section):
    """A processor: training reaches `train_share` of its peak; `layer_seconds` is a layer's overhead."""

    measured: str | None
    peak_tflops: Rate | None
    train_share: Rate
    layer_seconds: float
    base_gib: Rate
    fixed_gib: float
    bandwidth_gb: Rate
    float_bytes: Positive
    decode_share: Rate
    decode_layer_seconds: float

    @property
    def peak(self) -> float:
        """Operations a second; measured on this machine where the file has none."""
        if self.peak_tflops:
            return 1e12 * self.peak_tflops
        torch.set_num_threads(1)  # as in every process of a stage
        return peak_flops(torch.device("cpu"), clock=time.process_time)


class Activations(Section):
    """What the backward pass needs, as multiples of what a formula gives."""

    text: Rate
    vision: Rate
    logit_copies: Rate


class Workload(Section):
    """Sizes of a recipe's questions and answers, in tokens; `tiles` is of a question."""

    measured: str | None
    question_tokens: Positive
    tiles: Positive
    answer_median: Rate
    answer_spread: Rate
    limit: Positive
    start_seconds: Rate


class Server(Section):
    """A model that stages ask: on GPUs of ours, or an API with prices of a million tokens."""

    parameters_billion: Rate | None
    input_price: Rate | None
    output_price: Rate | None


class Asking(Section):
    """How often servers are asked, as shares of answers, and tokens of a picture and of a verdict."""

    right: Share
    left_by_rules: Share
    picture_tokens: Positive
    verdict_tokens: Positive


class Costs(Section):
    """All constants."""

    devices: dict[str, Device]
    activations: Activations
    workloads: dict[str, Workload]
    servers: dict[str, Server]
    asking: Asking


def load_costs(root: Path) -> Costs:
    """The constants of a checkout."""
    return Costs.model_validate(read_yaml(Path(root) / COSTS))
