"""New weights for a running vLLM: all of them, and nothing remembered of the old ones.

Loading alone leaves embeddings of pictures by the old connector, and keys and values, in four caches:
wrong tokens without an error. A first update hides it; tests make two on the same picture.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from r1v3.generate.vllm.worker import CONNECTOR, hash_tensors
from r1v3.generate.weights import Weights, named_weights

if TYPE_CHECKING:
    import torch

SHARD_BYTES = 4 * 2**30
MEMORY = Path("/dev/shm")


def replace_weights(llm, weights: Weights) -> str:
    """Replace the weights of all workers and empty every cache.

    Returns:
        sha256 of the connector as it now lies in the engine (`r1v3.model.groups.group_hashes`).

    Raises:
        RuntimeError: a weight was missing, the connector in the engine is not the one that was sent, or
            requests are running, so that a cache cannot be emptied.
    """
    if llm.llm_engine.has_unfinished_requests():
        raise RuntimeError("weights cannot be replaced while requests are running")
    sent: dict[str, torch.Tensor] = {}
    if isinstance(weights, Path) and not _in_process(llm):
        missing = llm.collective_rpc("take_weights", kwargs={"weights_path": str(weights)})
    else:
        pairs = named_weights(weights)
        if llm.model_config.hf_config.tie_word_embeddings:
            pairs = _with_head(pairs)
        noted = _note_connector(pairs, llm.model_config.dtype, sent)
        if _in_process(llm):
            missing = llm.collective_rpc("take_weights", kwargs={"weights_iterator": noted})
        else:
            missing = _through_files(llm, noted)
    lost = sorted({name for each in missing for name in each})
    if lost:
        raise RuntimeError(
            f"{len(lost)} weights were not among those sent, as {', '.join(lost[:3])}"
        )
    _empty_caches(llm)
    found = set(llm.collective_rpc("connector_hash"))
    if len(found) > 1 or (sent and found != {hash_tensors(sent)}):
        raise RuntimeError("the connector in the engine is not the one that was sent")
    return found.pop()


def _note_connector(pairs: Iterable, dtype, sent: dict) -> Iterator[tuple]:
    for name, tensor in pairs:
        if CONNECTOR in name:
            sent[name] = tensor.detach().to("cpu", dtype)
        yield name, tensor.detach()


def _with_head(pairs: Iterable) -> Iterator[tuple]:
    """Tied embeddings as the head too: vLLM on a CPU packs a head of its own, and would keep the old one."""
    embeddings, head = None, False
    for name, tensor in pairs:
        head = head or name == "lm_head.weight"
        if name.endswith("language_model.embed_tokens.weight"):
            embeddings = tensor
        yield name, tensor
    if embeddings is not None and not head:
        yield "lm_head.weight", embeddings


def _empty_caches(llm) -> None:
    """Keys and values, embeddings of pictures in scheduler and workers, prepared pictures."""
    llm.llm_engine.reset_encoder_cache()
    llm.reset_mm_cache()
    if not llm.reset_prefix_cache():
        raise RuntimeError("the prefix cache could not be emptied")


def _in_process(llm) -> bool:
    alone = llm.llm_engine.vllm_config.parallel_config.world_size == 1
    return alone and os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING") == "0"


def room_for(checkpoint: Path) -> Path | None:
    """Where weights of the size of a checkpoint's go: in memory if there is room, else None, on disk.

    A container often has 64 MB of shared memory.
    """
    size = sum(path.stat().st_size for path in checkpoint.glob("*.safetensors"))
    known = size > 0 and os.access(MEMORY, os.W_OK)
    return MEMORY if known and shutil.disk_usage(MEMORY).free > 1.1 * size else None


def _through_files(llm, pairs: Iterator[tuple], shard_bytes: int = SHARD_BYTES) -> list[list[str]]:
    """Workers in other processes read the weights from safetensors, in memory where there is room."""
    from safetensors.torch import save_file

    place = room_for(Path(llm.model_config.model))
    with tempfile.TemporaryDirectory(prefix="r1v3-weights-", dir=place) as folder:
        shard: dict = {}
        size, numbers = 0, itertools.count()

        def write() -> None:
            nonlocal size
            save_file(shard, f"{folder}/model-{next(numbers):05d}.safetensors")
            shard.clear()
            size = 0

        for name, tensor in pairs:
            shard[name] = tensor.cpu().clone().contiguous()
            size += tensor.nbytes
            if size >= shard_bytes:
                write()
        if shard:
            write()
        return llm.collective_rpc("take_weights", kwargs={"weights_path": folder})
