"""Opens vLLM on a checkpoint folder, on accelerators or, for tests, on a CPU."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1v3.base.json_file import read_model_json
from r1v3.recipe.schema.recipe import Images

if TYPE_CHECKING:  # torch and vLLM are imported only when an engine is opened
    from vllm import LLM

    from r1v3.model.processor import ImageProcessor

Options = dict[str, Any]  # arguments of `vllm.LLM`, which its server takes as flags

# For a build of vLLM without accelerators: everything in this process, and nothing compiled.
CPU = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "TORCH_COMPILE_DISABLE": "1",
    "OMP_NUM_THREADS": "1",
}
EVERYWHERE = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"}


def start(
    folder: Path, images: Images, *, rows: int, first_gpu: int = 0
) -> tuple[LLM, ImageProcessor]:
    """Start vLLM with our processor, and return both.

    Args:
        rows: number of samples that decode at once.
        first_gpu: index of the first GPU that it uses, in this process's numbering.

    Raises:
        ValueError: vLLM is not installed, or R1V3_VLLM_TENSOR_PARALLEL or _MEMORY is malformed.
    """
    set_vllm_environment()
    try:
        import vllm
    except ImportError as error:
        raise ValueError(
            f"generation.engine: vllm cannot be imported here ({error}); it belongs to envs/gpu.yaml,"
            " and for tests without an accelerator to the environment that `make test-vllm` makes"
        ) from None
    from r1v3.generate.vllm.processor import use_our_processor

    processor = use_our_processor(folder, images)
    options = visible(folder, rows=rows, first_gpu=first_gpu)
    options["mm_processor_kwargs"] = processor.arguments(images)
    return vllm.LLM(str(folder), **options), processor


def set_vllm_environment() -> None:
    """Set the variables that vLLM reads when it is imported, unless they are set already."""
    import torch

    accelerators = torch.cuda.device_count()
    for name, value in (EVERYWHERE if accelerators else EVERYWHERE | CPU).items():
        os.environ.setdefault(name, value)
    if not accelerators:
        import torch._dynamo.config as compiler

        compiler.disable = True  # in case torch was imported before the variable was set


def visible(folder: Path, *, rows: int, first_gpu: int = 0) -> Options:
    """Return `arguments` for the accelerators that this process sees."""
    import torch

    accelerators = torch.cuda.device_count()
    return arguments(folder, rows=rows, accelerators=accelerators, first_gpu=first_gpu)


def arguments(folder: Path, *, rows: int, accelerators: int, first_gpu: int = 0) -> Options:
    """Return vLLM's arguments: the checkpoint's own precision, no remote code, only safetensors.

    If it uses only some of the accelerators, they are named. Its workers would else begin with the first.
    """
    from r1v3.model.families import type_of_folder

    config = read_model_json(Path(folder) / "config.json")
    chosen: Options = {
        "dtype": config.get("dtype") or config.get("torch_dtype") or "auto",
        "trust_remote_code": False,
        "load_format": "safetensors",
        "generation_config": "vllm",  # only the recipe's sampling
        "logprobs_mode": "processed_logprobs",
        "enable_prefix_caching": True,
        "max_num_seqs": rows,
        "worker_extension_cls": "r1v3.generate.vllm.worker.Weights",
        "tensor_parallel_size": (size := tensor_parallel(accelerators)),
    }
    if size > 1 and type_of_folder(folder) != "internvl":
        # Otherwise their connectors would be divided among the workers, and no worker could hash them.
        chosen["mm_encoder_tp_mode"] = "data"
    if accelerators:
        share = _number("R1V3_VLLM_MEMORY", 0.9)
        if first_gpu:
            chosen["device_ids"] = list(range(first_gpu, first_gpu + size))
        return chosen | {"enable_sleep_mode": True, "gpu_memory_utilization": share}
    # Prefilling a prompt in parts would rewind its random stream, which a CPU's generator cannot do.
    return chosen | {"enforce_eager": True, "enable_chunked_prefill": False}


def tensor_parallel(accelerators: int) -> int:
    """Return the number of accelerators that share a vLLM: R1V3_VLLM_TENSOR_PARALLEL, or else all.

    Raises:
        ValueError: there are not so many.
    """
    size = _number("R1V3_VLLM_TENSOR_PARALLEL", max(1, accelerators))
    if size != int(size) or size > max(1, accelerators):
        raise ValueError(
            f"R1V3_VLLM_TENSOR_PARALLEL must be a whole number up to {max(1, accelerators)}, not {size}"
        )
    return int(size)


def _number(name: str, default: float) -> float:
    text = os.environ.get(name)
    try:
        number = default if text is None else float(text)
    except ValueError:
        number = -1.0
    if number <= 0:
        raise ValueError(f"{name} must be a number above 0, not {text!r}")
    return number
