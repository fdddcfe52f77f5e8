"""Replaces all weights of a running vLLM, and clears everything that the old ones computed.

Loading alone leaves four caches with keys and values and with picture embeddings of the old connector. They
would give wrong tokens without an error. A first update hides the fault, so tests make two on one picture.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from r1v3.generate.vllm.buckets import WeightBucket, fill_buckets, reclaim
from r1v3.generate.vllm.worker import CONNECTOR, hash_tensors
from r1v3.generate.weights import Weights, named_weights

if TYPE_CHECKING:
    from torch import Tensor, dtype
    from vllm import LLM

Named: TypeAlias = "tuple[str, Tensor]"


@runtime_checkable
class InBuckets(Protocol):
    """Weights that the trainer's processes put into buckets together, each on its own GPU."""

    def buckets(self) -> Iterator[tuple[WeightBucket, dict[str, bytes]]]:
        """Yield each bucket with the handles of all processes by device. Read it before the next one."""
        ...

    def done(self) -> None:
        """Free the buckets. No worker may map one any more."""
        ...


def replace_weights(llm: LLM, weights: Weights) -> str:
    """Replace the weights of all workers and clear every cache.

    Returns:
        sha256 of the connector that the engine now holds (`r1v3.model.groups.group_hashes`).

    Raises:
        RuntimeError: a weight was missing, the engine's connector is not the one that was sent, or requests
            are running, so that a cache cannot be cleared.
    """
    if llm.llm_engine.has_unfinished_requests():
        raise RuntimeError("weights cannot be replaced while requests are running")
    sent: dict[str, Tensor] = {}
    if isinstance(weights, Path) and not _in_process(llm):
        missing = _take_weights(llm, weights_path=str(weights))
    elif isinstance(weights, InBuckets) and not _in_process(llm):
        missing = through_buckets(llm, weights.buckets())
        weights.done()
    else:
        pairs = named_weights(weights)
        if llm.model_config.hf_config.tie_word_embeddings:
            pairs = _with_head(pairs)
        noted = _note_connector(pairs, llm.model_config.dtype, sent)
        if _in_process(llm):
            missing = _take_weights(llm, weights_iterator=noted)
        else:
            alone = ((bucket, {bucket.device: bucket.handle}) for bucket in fill_buckets(noted))
            missing = through_buckets(llm, alone)
            reclaim()
    lost = sorted({name for each in missing for name in each})
    if lost:
        raise RuntimeError(
            f"{len(lost)} weights were not among those sent, as {', '.join(lost[:3])}"
        )
    _empty_caches(llm)
    found: set[str] = set(llm.collective_rpc("connector_hash"))
    if len(found) > 1 or (sent and found != {hash_tensors(sent)}):
        raise RuntimeError("the connector in the engine is not the one that was sent")
    return found.pop()


def _take_weights(llm: LLM, **source: object) -> list[list[str]]:
    """Return what each worker lacks after `r1v3.generate.vllm.worker.Weights.take_weights`."""
    return llm.collective_rpc("take_weights", kwargs=source)


def _note_connector(
    pairs: Iterable[Named], dtype: dtype, sent: dict[str, Tensor]
) -> Iterator[Named]:
    for name, tensor in pairs:
        if any(part in name for part in CONNECTOR):
            sent[name] = tensor.detach().to("cpu", dtype, copy=True)
        yield name, tensor.detach()


def _with_head(pairs: Iterable[Named]) -> Iterator[Named]:
    """Yield tied embeddings as the head too, because vLLM on a CPU packs its own head and would keep it."""
    embeddings, head = None, False
    for name, tensor in pairs:
        head = head or name == "lm_head.weight"
        if name.endswith("language_model.embed_tokens.weight"):
            embeddings = tensor.detach().clone()  # a gathered tensor is valid only in its turn
        yield name, tensor
    if embeddings is not None and not head:
        yield "lm_head.weight", embeddings


def _empty_caches(llm: LLM) -> None:
    """Clear keys and values, picture embeddings in scheduler and workers, and prepared pictures."""
    llm.llm_engine.reset_encoder_cache()
    llm.reset_mm_cache()
    if not llm.reset_prefix_cache():
        raise RuntimeError("the prefix cache could not be emptied")


def _in_process(llm: LLM) -> bool:
    alone = llm.llm_engine.vllm_config.parallel_config.world_size == 1
    return alone and os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING") == "0"


def through_buckets(
    llm: LLM, buckets: Iterable[tuple[WeightBucket, dict[str, bytes]]]
) -> list[list[str]]:
    """Let all workers read the buckets one after another, and return what each of them lacks."""
    llm.collective_rpc("begin_new_weights")
    for bucket, handles in buckets:
        pieces = [astuple(piece) for piece in bucket.pieces]
        llm.collective_rpc("take_bucket", args=(pieces, handles))
    return llm.collective_rpc("end_new_weights")
