"""Loads a checkpoint's processor, which turns text and pictures into the model's inputs."""

from pathlib import Path

from r1v3.model.families import family_of_folder
from r1v3.model.families.family import ImageProcessor
from r1v3.model.families.internvl import build_processor


def load_processor(folder: Path) -> ImageProcessor:
    """Load a processor from a checkpoint folder (or a hub id already on disk)."""
    return family_of_folder(folder).load_processor(folder)


__all__ = ["ImageProcessor", "build_processor", "load_processor"]
