"""Root mean square norms by one kernel of PyTorch in place of many small ones, on accelerators.

The library's module computes in 32 bits by single operations, whose inputs the backward pass keeps. The
kernel keeps its own input and one number a row. Its result is rounded once, the library's twice, so the
last bits differ in 16 bits; `determinism: exact` and processors keep the library's.
"""

from types import MethodType

import torch
from torch import nn
from torch.nn.functional import rms_norm


def use_fused_norms(model: nn.Module) -> int:
    """Let every RMS norm of a model compute by PyTorch's kernel.

    Returns:
        How many norms were changed.
    """
    norms = [each for each in model.modules() if _is_rms_norm(each)]
    for norm in norms:
        norm.forward = MethodType(_fused, norm)
    return len(norms)


def _is_rms_norm(module: nn.Module) -> bool:
    return type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon")


def _fused(norm: nn.Module, hidden_states: torch.Tensor) -> torch.Tensor:
    """Same shape as `hidden_states` (..., W)."""
    weight: torch.Tensor = norm.weight  # type: ignore[assignment]
    epsilon: float = norm.variance_epsilon  # type: ignore[assignment]
    return rms_norm(hidden_states, hidden_states.shape[-1:], weight, epsilon)
