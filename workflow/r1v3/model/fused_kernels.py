"""Fuses several small operations of a layer into one kernel, on accelerators if the last bits may differ.

RMS norms use PyTorch's kernel. If the package `liger_kernel` is installed, gated activations (SwiGLU) and
rotary positions use its kernels (Hsu et al., arXiv 2410.10989). A fused operation keeps its inputs for the
backward pass; the library's own code also keeps the results between its operations. The fused result is
rounded once and the library's twice, so the last bits differ in 16 bits. CPUs use the library's code, and so
does `determinism: exact`.
"""

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import MethodType, ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn.functional import rms_norm

Rotary = Callable[..., tuple[torch.Tensor, torch.Tensor]]
ROTARY = "apply_rotary_pos_emb"  # a function of each of the library's modeling files


def use_fused_kernels(model: nn.Module) -> None:
    """Fuse a model's norms and, if Liger is installed, its activations and rotary positions."""
    use_fused_norms(model)
    if find_spec("liger_kernel") is not None:
        use_fused_activations(model)
        use_fused_rotary(model)


def use_fused_norms(model: nn.Module) -> int:
    """Make every RMS norm of a model use PyTorch's kernel.

    Returns:
        The number of norms that were changed.
    """
    norms = [each for each in model.modules() if _is_rms_norm(each)]
    for norm in norms:
        norm.forward = MethodType(_norm, norm)
    return len(norms)


def use_fused_activations(model: nn.Module) -> int:
    """Make every gated linear unit with SiLU (SwiGLU, arXiv 2002.05202) use Liger's kernel.

    Returns:
        The number of units that were changed.
    """
    units = [each for each in model.modules() if _is_swiglu(each)]
    for unit in units:
        unit.forward = MethodType(_swiglu, unit)
    return len(units)


def use_fused_rotary(model: nn.Module) -> int:
    """Make the attention of a model rotate queries and keys with Liger's kernel.

    The library's layers call a function of their Python module. That function is replaced for all models of
    this family in this process. It still uses the library's code for tensors on a CPU.

    Returns:
        The number of Python modules in which the function is now Liger's.
    """
    homes = {sys.modules[type(each).__module__] for each in model.modules()}
    homes = {home for home in homes if hasattr(home, ROTARY)}
    for home in homes:
        _replace_rotary(home)
    return len(homes)


def _is_rms_norm(module: nn.Module) -> bool:
    return type(module).__name__.endswith("RMSNorm") and hasattr(module, "variance_epsilon")


def _norm(norm: nn.Module, hidden_states: torch.Tensor) -> torch.Tensor:
    """Return a tensor with the shape of `hidden_states` (..., W)."""
    weight: torch.Tensor = norm.weight  # type: ignore[assignment]
    epsilon: float = norm.variance_epsilon  # type: ignore[assignment]
    return rms_norm(hidden_states, hidden_states.shape[-1:], weight, epsilon)


def _is_swiglu(module: nn.Module) -> bool:
    parts = all(hasattr(module, name) for name in ("gate_proj", "up_proj", "down_proj"))
    return parts and type(getattr(module, "act_fn", None)).__name__.startswith("SiLU")


def _swiglu(unit: Any, hidden_states: torch.Tensor) -> torch.Tensor:
    """Return a tensor with the shape of `hidden_states` (..., W)."""
    from liger_kernel.ops.swiglu import LigerSiLUMulFunction

    gate, up = unit.gate_proj(hidden_states), unit.up_proj(hidden_states)
    return unit.down_proj(LigerSiLUMulFunction.apply(gate, up))


def _replace_rotary(home: ModuleType) -> None:
    theirs: Rotary = getattr(home, ROTARY)
    if not hasattr(theirs, "of_library"):
        setattr(home, ROTARY, _rotary_beside(theirs))


def _rotary_beside(theirs: Rotary) -> Rotary:
    """Return a function that uses Liger's kernel if it can compute the arguments, else the library's code."""

    def rotary(
        q: torch.Tensor,
        k: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        *more: Any,
        **named: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Rotate `q` and `k` (B, heads, T, W) by `cos` and `sin` (B, T, W)."""
        whole = q.ndim == 4 and cos.ndim == 3 and cos.shape[-1] == q.shape[-1]
        if more or named or not whole or not _has_triton(q):
            return theirs(q, k, cos, sin, *more, **named)
        from liger_kernel.ops.rope import LigerRopeFunction

        return LigerRopeFunction.apply(q, k, cos, sin)

    rotary.of_library = theirs  # type: ignore[attr-defined]
    return rotary


def _has_triton(tensor: torch.Tensor) -> bool:
    """Return whether Triton can compute on the device of a tensor; in tests, its interpreter uses the CPU."""
    return tensor.device.type != "cpu" or os.environ.get("TRITON_INTERPRET") == "1"
