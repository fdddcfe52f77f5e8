"""Makes vLLM divide pictures into the same tiles or patches, pixel for pixel, as the other engines.

If torchvision is installed, vLLM resizes with it. Greedy log-probabilities of a tiled picture then differ by
0.02 from those of the trainer, which resizes with Pillow. So vLLM gets our processor here. Our processor does
not support videos, so a checkpoint needs no settings for them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from r1v3.recipe.schema.recipe import Images

if TYPE_CHECKING:  # torch is imported only when an engine is opened
    from r1v3.model.processor import ImageProcessor


class Names(NamedTuple):
    """vLLM's names for a family: its module, the prefix of its classes, and the class of its connector.

    `merger` is None if the connector consists of plain linear layers. Such a family takes tiles.
    """

    module: str
    parts: str
    merger: str | None


FAMILIES = {
    "internvl": Names("interns1", "InternS1", None),
    "qwen2_5_vl": Names("qwen2_5_vl", "Qwen2_5_VL", "Qwen2_5_VisionPatchMerger"),
    "qwen3_vl": Names("qwen3_vl", "Qwen3VL", "Qwen3_VisionPatchMerger"),
}


def use_our_processor(folder: Path, images: Images) -> ImageProcessor:
    """Register our processor for the checkpoint's family in this process, and return it."""
    from vllm.multimodal import MULTIMODAL_REGISTRY
    from vllm.multimodal.processing import BaseProcessingInfo

    from r1v3.model.families import type_of_folder
    from r1v3.model.processor import load_processor

    processor = load_processor(folder)
    for name, value in processor.arguments(images).items():
        setattr(processor.image_processor, name, value)
    names = FAMILIES[type_of_folder(folder)]
    module: Any = import_module(f"vllm.model_executor.models.{names.module}")
    info: Any = getattr(module, f"{names.parts}ProcessingInfo")
    dummies: Any = getattr(module, f"{names.parts}DummyInputsBuilder")
    native = names.merger is not None
    if names.merger is not None:
        _keep_weights(module, names.merger)

    class Info(info):
        def get_hf_processor(self, **_: object) -> Any:
            return processor

        def get_supported_mm_limits(self) -> dict[str, int | None]:
            return {"image": None}

        def get_supported_mm_processor_kwargs(self) -> Any:
            # Qwen3-VL's own method adds settings for videos, which ours does not have.
            return BaseProcessingInfo.get_supported_mm_processor_kwargs(self)

        def get_mm_max_tokens_per_item(self, seq_len: int, mm_counts: Any) -> Any:
            if native:
                return {"image": self.get_max_image_tokens()}
            return super().get_mm_max_tokens_per_item(seq_len, mm_counts)

    class Dummies(dummies):
        def get_dummy_mm_data(self, seq_len: int, mm_counts: Any, mm_options: Any) -> Any:
            if not native:
                return super().get_dummy_mm_data(seq_len, mm_counts, mm_options)
            width, height = self.info.get_image_size_with_most_features()
            pictures = self._get_dummy_images(
                width=width,
                height=height,
                num_images=mm_counts.get("image", 0),
                overrides=mm_options.get("image"),
            )
            return {"image": pictures}

    MULTIMODAL_REGISTRY.register_processor(
        getattr(module, f"{names.parts}MultiModalProcessor"), info=Info, dummy_inputs=Dummies
    )(getattr(module, f"{names.parts}ForConditionalGeneration"))
    return processor


def _keep_weights(module: Any, name: str) -> None:
    """Make a connector's layers keep their weights on a CPU, where vLLM packs them and drops the originals.

    Without the originals, the engine's connector could not be hashed.
    """
    merger: Any = getattr(module, name)
    if getattr(merger, "keeps_weights", False):
        return

    class Keeping(merger):
        keeps_weights = True

        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            for layer in self.modules():
                layer._cpu_skip_gemm_dispatch = True

    setattr(module, name, Keeping)
