"""Families of models, a file each: what a picture becomes, and how a model takes it."""

from pathlib import Path

from transformers import PreTrainedConfig

from r1v3.model.families.family import Family, ImageProcessor
from r1v3.model.families.internvl import InternVL

FAMILIES: dict[str, Family] = {"internvl": InternVL()}


def family_of(config: PreTrainedConfig) -> Family:
    """The family of a model, told by its configuration.

    Raises:
        ValueError: the type of model is not supported.
    """
    return _family(str(config.model_type))


def family_of_folder(folder: Path) -> Family:
    """The family of a checkpoint folder; a processor without a model is InternVL's.

    Raises:
        ValueError: the type of model is not supported.
    """
    import json

    path = Path(folder) / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return _family(str(config.get("model_type", "internvl")))


def _family(kind: str) -> Family:
    if kind not in FAMILIES:
        raise ValueError(f"models of type {kind!r} are not supported, only {', '.join(FAMILIES)}")
    return FAMILIES[kind]


__all__ = ["Family", "ImageProcessor", "family_of", "family_of_folder"]
