"""Makes vLLM cut pictures into the same tiles, pixel for pixel, as the other engines do.

Where torchvision is installed, vLLM resizes with that, and greedy log-probabilities of a tiled picture then
differ by 0.02 from those of the trainer, which resizes with Pillow. Here vLLM is handed our processor.
It also has no video half, so a checkpoint needs no settings for videos.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1v3.recipe.schema.recipe import Images

if TYPE_CHECKING:  # torch is imported when an engine is opened
    from r1v3.model.processor import ImageProcessor


def use_our_processor(folder: Path, images: Images) -> ImageProcessor:
    """Register our processor for HF-native InternVL in this process, and return it."""
    from vllm.model_executor.models import interns1
    from vllm.multimodal import MULTIMODAL_REGISTRY

    from r1v3.model.processor import load_processor

    processor = load_processor(folder)
    for name, value in processor.arguments(images).items():
        setattr(processor.image_processor, name, value)

    class Info(interns1.InternS1ProcessingInfo):
        def get_hf_processor(self, **_: object) -> Any:
            return processor

        def get_supported_mm_limits(self) -> dict[str, int | None]:
            return {"image": None}

    MULTIMODAL_REGISTRY.register_processor(
        interns1.InternS1MultiModalProcessor,
        info=Info,
        dummy_inputs=interns1.InternS1DummyInputsBuilder,
    )(interns1.InternS1ForConditionalGeneration)
    return processor
