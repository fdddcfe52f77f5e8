"""The constants of the plan, `config/costs.yaml`, each with a note whether it was measured."""

import time
from pathlib import Path

import torch

from r1v3.recipe.layers import read_yaml
from r1v3.recipe.schema.section import Positive, Rate, Section, Share
from r1v3.train.core.flops import peak_flops

COSTS = Path("config") / "costs.yaml"


class Device(Section):
    """A GPU or CPU with the constants that decide time and memory on it."""

    measured: str | None
    """How and where the figures were measured; null: they are assumed."""
    peak_tflops: Rate | None
    """Peak of a matrix product, in 10^12 operations a second; null: it is measured on this machine."""
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
        """Return the peak in operations a second; it is measured on this machine if the file has none."""
        if self.peak_tflops:
            return 1e12 * self.peak_tflops
        torch.set_num_threads(1)  # as in every process of a stage
        return peak_flops(torch.device("cpu"), clock=time.process_time)


class Activations(Section):
    """Memory that the backward pass needs, as multiples of what a formula gives."""

    text: Rate
    """Multiple of `8 width + 4 kv + 4 mlp` numbers a token and layer of the language model."""
    vision: Rate
    """The same for the vision tower."""
    logit_copies: Rate
    """Copies of a chunk's logits."""


class Workload(Section):
    """Sizes of a recipe's questions and answers, in tokens; `tiles` is the number for one question."""

    measured: str | None
    """How the figures were measured; null: they are assumed."""
    question_tokens: Positive
    """Tokens of a question's text."""
    tiles: Positive
    """Tiles of its pictures."""
    answer_median: Rate
    """Median length of an answer, in tokens."""
    answer_spread: Rate
    """Standard deviation of the logarithm of an answer's length."""
    limit: Positive
    """Most tokens of an answer."""
    start_seconds: Rate
    """Seconds that a stage needs to load a model."""


class Server(Section):
    """A model that stages ask: on our own GPUs, or an API with prices for a million tokens."""

    parameters_billion: Rate | None
    """Parameters in billions, if the model runs on our own GPUs; null: it is an API."""
    input_price: Rate | None
    """Price of a million input tokens; null: it is no API."""
    output_price: Rate | None
    """Price of a million output tokens; null: it is no API."""


class Asking(Section):
    """How often servers are asked, as shares of answers, and tokens of a picture and of a verdict."""

    right: Share
    """Share of sampled responses that the grader calls right; judge and reward model see only these."""
    left_by_rules: Share
    """Share of answers that the rules cannot decide; the verifier sees only these."""
    picture_tokens: Positive
    """Tokens that an API counts for a picture."""
    verdict_tokens: Positive
    """Tokens of a verdict."""


class Costs(Section):
    """All constants of the plan."""

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
    """Read the constants of a checkout."""
    return Costs.model_validate(read_yaml(Path(root) / COSTS))
