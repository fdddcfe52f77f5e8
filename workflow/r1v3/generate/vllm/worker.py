"""Methods that are added to each of vLLM's workers: they load new weights completely, and hash them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from r1v3.generate.vllm.buckets import MappedBuffers

if TYPE_CHECKING:  # a worker imports torch and vLLM itself
    import torch
    from torch import Tensor
    from torch.nn import Module
    from vllm.config import ModelConfig, VllmConfig

    class Model(Module):
        """A model of vLLM."""

        load_weights: Callable[[Iterable[tuple[str, Tensor]]], set[str]]

    class Runner(Protocol):
        """The used part of a worker's model runner."""

        model_config: ModelConfig

        def get_model(self) -> Model: ...
        def reset_encoder_cache(self) -> None: ...
        def reset_mm_cache(self) -> None: ...


# The connectors of the families, by vLLM's names; with `model.` before them they are our names.
CONNECTOR = ("multi_modal_projector.", "visual.merger.", "visual.deepstack_merger_list.")


class Weights:
    """Mixed into vLLM's worker (`worker_extension_cls`); each worker's methods are called by name."""

    model_runner: Runner  # these four are the worker's own
    reload_weights: Callable[..., None]
    device: torch.device
    vllm_config: VllmConfig

    def take_weights(self, **source: object) -> list[str]:
        """Load from `weights_iterator` or `weights_path`, and return the names of missing weights.

        The library only logs missing weights.
        """
        model = self.model_runner.get_model()
        load = model.load_weights
        loaded: set[str] = set()

        def load_and_note(weights: Iterable[tuple[str, Tensor]]) -> set[str]:
            found = load(weights)
            loaded.update(found)
            return found

        model.load_weights = load_and_note
        try:
            self.reload_weights(**source)
        finally:
            del model.load_weights
        return sorted({name for name, _ in model.named_parameters()} - loaded)

    def begin_new_weights(self) -> None:
        """Prepare for all weights, which come in buckets."""
        from vllm.config import set_current_vllm_config
        from vllm.model_executor.model_loader.reload import initialize_layerwise_reload

        self.opened = MappedBuffers(self.device)
        self.arrived: set[str] = set()
        with set_current_vllm_config(self.vllm_config):
            initialize_layerwise_reload(self.model_runner.get_model())

    def take_bucket(
        self, pieces: list[tuple[str, str, list[int], int]], handles: dict[str, bytes]
    ) -> None:
        """Load a bucket's weights; see `buckets`. Afterwards the trainer may fill it again."""
        from vllm.config import set_current_vllm_config

        with set_current_vllm_config(self.vllm_config):
            tensors = self.opened.tensors(pieces, handles)
            self.arrived |= set(self.model_runner.get_model().load_weights(tensors))
        if self.device.type == "cuda":
            import torch

            torch.cuda.current_stream(self.device).synchronize()

    def end_new_weights(self) -> list[str]:
        """Use the weights that came, and return the names of missing ones."""
        from vllm.config import set_current_vllm_config
        from vllm.model_executor.model_loader.reload import finalize_layerwise_reload

        self.opened.close()
        model = self.model_runner.get_model()
        with set_current_vllm_config(self.vllm_config):
            finalize_layerwise_reload(model, self.model_runner.model_config)
        self.model_runner.reset_encoder_cache()
        self.model_runner.reset_mm_cache()
        return sorted({name for name, _ in model.named_parameters()} - self.arrived)

    def connector_hash(self) -> str:
        """Return the sha256 of the engine's connector; equal tensors give the trainer's hash.

        See `r1v3.model.groups.group_hashes`. The connector is not divided among parallel workers.
        """
        named = self.model_runner.get_model().named_parameters()
        return hash_tensors({f"model.{n}": p for n, p in named if n.startswith(CONNECTOR)})


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 of tensors and their names, in a fixed order."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        content = tensor.detach().cpu().contiguous().view(torch.uint8)
        digest.update(content.numpy().tobytes())
    return digest.hexdigest()
