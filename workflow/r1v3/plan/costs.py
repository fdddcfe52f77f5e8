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
    """By what and where its figures were measured; null: assumed."""
    peak_tflops: Rate | None
    """Peak of a matrix product, in 10^12 operations a second; null: measured on this machine."""
    train_share: Rate
    """Share of the peak that training reaches."""
    layer_seconds: float
    """Overhead of a layer in a pass, forward and backward, in seconds."""
    base_gib: Rate
    """Memory of a process with PyTorch and its kernels, in GiB."""
    fixed_gib: float
    """Memory lost to fragments, in GiB."""
    bandwidth_gb: Rate
    """Bandwidth of its memory, in GB a second."""
    float_bytes: Positive
    """Bytes of a weight."""
    decode_share: Rate
    """Share of bandwidth or peak that decoding reaches."""
    decode_layer_seconds: float
    """Overhead of a layer in a decoding step, in seconds."""

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
    """Multiple of `8 width + 4 kv + 4 mlp` numbers a token and layer of the language model."""
    vision: Rate
    """The same of the vision tower."""
    logit_copies: Rate
    """Copies of a chunk's logits."""


class Workload(Section):
    """Sizes of a recipe's questions and answers, in tokens; `tiles` is of a question."""

    measured: str | None
    """By what its figures were measured; null: assumed."""
    question_tokens: Positive
    """Tokens of a question's text."""
    tiles: Positive
    """Tiles of its pictures."""
    answer_median: Rate
    """Median length of an answer, in tokens."""
    answer_spread: Rate
    """Standard deviation of the logarithm of that length."""
    limit: Positive
    """Most tokens of an answer."""
    start_seconds: Rate
    """Seconds until a stage has loaded a model."""


class Server(Section):
    """A model that stages ask: on GPUs of ours, or an API with prices of a million tokens."""

    parameters_billion: Rate | None
    """Its parameters, in billions, where it stands on GPUs of ours; null: an API."""
    input_price: Rate | None
    """Price of a million tokens that it reads; null: no API."""
    output_price: Rate | None
    """Price of a million tokens that it writes; null: no API."""


class Asking(Section):
    """How often servers are asked, as shares of answers, and tokens of a picture and of a verdict."""

    right: Share
    """Of sampled chains, the share that the grader calls right, so that judge and reward model see them."""
    left_by_rules: Share
    """Of answers, the share that rules cannot decide, so that the verifier sees them."""
    picture_tokens: Positive
    """Tokens that an API counts for a picture."""
    verdict_tokens: Positive
    """Tokens of a verdict."""


class Costs(Section):
    """All constants."""

    devices: dict[str, Device]
    """Processors by name."""
    activations: Activations
    """What the backward pass keeps."""
    workloads: dict[str, Workload]
    """Lengths of questions and answers, by recipe."""
    servers: dict[str, Server]
    """Models that stages ask while they run, by id."""
    asking: Asking
    """How often they are asked, and with how much."""


def load_costs(root: Path) -> Costs:
    """The constants of a checkout."""
    return Costs.model_validate(read_yaml(Path(root) / COSTS))
