"""Starts DeepSpeed: its configuration, its process group, and the sharding of a module's weights."""

import os
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from r1v3.recipe.schema.training import Parallel
from r1v3.train.core.ranks import Ranks


def zero_config(
    parallel: Parallel, dtype: str, world: int, *, max_grad_norm: float = 0.0
) -> dict[str, Any]:
    """Make DeepSpeed's own configuration from the recipe's settings.

    DeepSpeed sees one micro-batch a step. We count micro-batches ourselves, because packs differ in size.

    Args:
        world: number of ranks.
        max_grad_norm: gradients are clipped to this 2-norm; 0 does not clip.
    """
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "train_batch_size": world,
        "gradient_clipping": max_grad_norm,
        "bf16": {"enabled": dtype == "bfloat16"},
        "data_types": {"grad_accum_dtype": "fp32"},
        "communication_data_type": "fp32",
        "zero_optimization": {
            "stage": parallel.zero,
            "overlap_comm": torch.cuda.is_available(),
            "contiguous_gradients": True,
        },
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 10**9,
    }


def open_deepspeed(ranks: Ranks) -> Any:
    """Import DeepSpeed and connect its processes."""
    os.environ.setdefault("DS_ACCELERATOR", ranks.device.type)
    _open_single_process_group(ranks)
    import deepspeed

    if (
        ranks.device.type == "cpu"
    ):  # gloo does all communication, so no extension has to be compiled
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend=None, verbose=False)
    return deepspeed


def shard_weights(deepspeed: Any, module: nn.Module, config: dict[str, Any], ranks: Ranks) -> None:
    """Shard the weights one tensor at a time, so that no device ever holds the whole model."""
    deepspeed.zero.Init(module=module, config_dict_or_path=config, mem_efficient_linear=False)
    for buffer in module.buffers():
        buffer.data = buffer.data.to(ranks.device)


def _open_single_process_group(ranks: Ranks) -> None:
    """Open a process group for a single process, because DeepSpeed needs one and torchrun's variables."""
    os.environ.setdefault("LOCAL_RANK", "0")
    if ranks.world == 1 and not dist.is_initialized():
        backend = "nccl" if ranks.device.type == "cuda" else "gloo"
        store = dist.HashStore()  # pyright: ignore[reportPrivateImportUsage]
        dist.init_process_group(backend, store=store, rank=0, world_size=1)
