"""The image-only processor of InternVL: text and pictures to token ids and tiles.

The library's own `InternVLProcessor` needs torchvision for its video half; without it, `AutoProcessor`
silently returns a bare tokenizer. This subclass has no video half and uses the PIL image processor.
"""

from pathlib import Path

from transformers import AutoTokenizer, GotOcr2ImageProcessorPil
from transformers.models.internvl.processing_internvl import InternVLProcessor

IMAGE_MEAN, IMAGE_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ImageProcessor(InternVLProcessor):
    """InternVL's processor without videos."""

    @classmethod
    def get_attributes(cls):
        """The parts that are saved and loaded."""
        return ["image_processor", "tokenizer"]

    def __init__(self, image_processor=None, tokenizer=None, image_seq_length=256, **kwargs):
        super().__init__(
            image_processor, tokenizer, None, image_seq_length=image_seq_length, **kwargs
        )

    @property
    def image_ids(self) -> tuple[int, ...]:
        """Ids of the tokens that stand for pictures, or begin or end one."""
        return tuple(i for i in self.image_token_ids if i is not None)

    def save_pretrained(self, save_directory, push_to_hub: bool = False, **kwargs):
        """Save so that the library's own processor, and so a vLLM server, loads it too.

        That one insists on settings for videos.
        """
        import json

        written = super().save_pretrained(save_directory, push_to_hub, **kwargs)
        settings = Path(save_directory) / "processor_config.json"
        processor = json.loads(settings.read_text()) | {"processor_class": "InternVLProcessor"}
        settings.write_text(json.dumps(processor, indent=2, sort_keys=True) + "\n")
        own = processor["image_processor"]
        videos = {"video_processor_type": "InternVLVideoProcessor"}
        videos |= {key: own[key] for key in ("size", "image_mean", "image_std")}
        target = Path(save_directory) / "video_preprocessor_config.json"
        target.write_text(json.dumps(videos, indent=2, sort_keys=True) + "\n")
        return written


def build_processor(tokenizer, *, image_size: int, tokens_per_tile: int) -> ImageProcessor:
    """A processor for square tiles of `image_size` pixels."""
    pictures = GotOcr2ImageProcessorPil(
        size={"height": image_size, "width": image_size},
        image_mean=IMAGE_MEAN,
        image_std=IMAGE_STD,
        crop_to_patches=False,
    )
    return ImageProcessor(pictures, tokenizer, image_seq_length=tokens_per_tile)


def load_processor(folder: Path) -> ImageProcessor:
    """Load from a checkpoint folder (or a hub id already on disk)."""
    import json

    tokenizer = AutoTokenizer.from_pretrained(folder)
    pictures = GotOcr2ImageProcessorPil.from_pretrained(folder)
    settings = Path(folder) / "processor_config.json"
    length = json.loads(settings.read_text()).get("image_seq_length") if settings.exists() else None
    return ImageProcessor(pictures, tokenizer, image_seq_length=length or 256)
