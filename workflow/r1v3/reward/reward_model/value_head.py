"""The value head of a reward model: one linear layer, in its own file or among the model's weights.

LLaMA-Factory writes it as `value_head.safetensors` (`v_head.summary.weight`, `.bias`), and so does
Skywork-VL-Reward-7B. TRL stores the same names among the weights. Classifiers of transformers have a
`score.weight` there, without a bias.
"""

from pathlib import Path

import torch
from safetensors import safe_open

FILES = ("value_head.safetensors", "value_head.bin")
NAMES = (
    "v_head.summary",
    "v_head",
    "summary",
    "value_head.summary",
    "value_head",
    "score",
    "reward_head",
    "rm_head",
)


def is_of_head(name: str) -> bool:
    """Return whether a tensor of a checkpoint is the weight or bias of a value head."""
    stem, _, kind = name.rpartition(".")
    return kind in ("weight", "bias") and stem.removeprefix("model.") in NAMES


def load_value_head(folder: Path, width: int) -> torch.nn.Linear:
    """Load the head of a checkpoint in float32, as a layer from `width` to 1.

    Raises:
        ValueError: there is no head, more than one, or a head of another shape.
    """
    found = _tensors(folder)
    stems = sorted({name.rpartition(".")[0] for name in found if name.endswith(".weight")})
    if not stems:
        raise ValueError(
            f"{folder} has no value head: one of {', '.join(FILES)}, or a weight named as "
            f"{NAMES[0]}.weight or score.weight is expected"
        )
    if len(stems) > 1:
        raise ValueError(f"{folder} has several value heads: {', '.join(stems)}")
    weight, bias = found[f"{stems[0]}.weight"].float(), found.get(f"{stems[0]}.bias")
    if weight.shape != (1, width) or (bias is not None and bias.shape != (1,)):
        raise ValueError(
            f"{folder}: {stems[0]}.weight has shape {tuple(weight.shape)}; a reward model of this width"
            f" has (1, {width}), and a bias of (1,)"
        )
    head = torch.nn.Linear(width, 1)
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(torch.zeros(1) if bias is None else bias.float())
    return head.requires_grad_(False)


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Return the head's tensors from its own file, else from the files of the weights."""
    own, other = (folder / name for name in FILES)
    if not own.exists() and other.exists():
        stored = torch.load(other, map_location="cpu", weights_only=True)
        return {name: stored[name] for name in stored if is_of_head(name)}
    found: dict[str, torch.Tensor] = {}
    for path in [own] if own.exists() else sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            found |= {name: file.get_tensor(name) for name in file.keys() if is_of_head(name)}  # noqa: SIM118
    return found
