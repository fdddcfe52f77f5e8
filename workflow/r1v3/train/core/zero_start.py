"""Starting DeepSpeed: its configuration, its process group, a module's weights in parts."""

import os

import torch
import torch.distributed as dist
from torch import nn

from r1v3.train.core.ranks import Ranks


def zero_config(settings: dict, world: int) -> dict:
    """DeepSpeed's own configuration, from the recipe's settings.

    Micro-batches are counted by us: packs differ in size, so DeepSpeed sees one to a step.
    """
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "train_batch_size": world,
        "gradient_clipping": settings["optimizer"]["max_grad_norm"]
        if "optimizer" in settings
        else 0.0,
        "bf16": {"enabled": settings["dtype"] == "bfloat16"},
        "data_types": {"grad_accum_dtype": "fp32"},
        "communication_data_type": "fp32",
        "zero_optimization": {
            "stage": settings["parallel"]["zero"],
            "overlap_comm": torch.cuda.is_available(),
            "contiguous_gradients": True,
        },
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 10**9,
    }


def open_deepspeed(ranks: Ranks):
    """The library, with its processes met."""
    os.environ.setdefault("DS_ACCELERATOR", ranks.device.type)
    _meet_alone(ranks)
    import deepspeed

    if (
        ranks.device.type == "cpu"
    ):  # gloo carries everything, so that no extension has to be compiled
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend=None, verbose=False)
    return deepspeed


def part_weights(deepspeed, module: nn.Module, config: dict, ranks: Ranks) -> None:
    """Part the weights one by one, so that no device ever holds the whole model."""
    deepspeed.zero.Init(module=module, config_dict_or_path=config, mem_efficient_linear=False)
    for buffer in module.buffers():
        buffer.data = buffer.data.to(ranks.device)


def _meet_alone(ranks: Ranks) -> None:
    """DeepSpeed wants a process group of one process too, and torchrun's variables."""
    os.environ.setdefault("LOCAL_RANK", "0")
    if ranks.world == 1 and not dist.is_initialized():
        backend = "nccl" if ranks.device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
