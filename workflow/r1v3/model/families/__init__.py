"""Families of models, one a file: how a picture is divided, and in which form a model takes it."""

from pathlib import Path

from transformers import PreTrainedConfig

from r1v3.base.json_file import read_model_json
from r1v3.model.families.family import Family, ImageProcessor
from r1v3.model.families.internvl import InternVL
from r1v3.model.families.qwen_vl import Qwen3VL, Qwen25VL

FAMILIES: dict[str, Family] = {
    "internvl": InternVL(),
    "qwen2_5_vl": Qwen25VL(),
    "qwen3_vl": Qwen3VL(),
}


def family_of(config: PreTrainedConfig) -> Family:
    """Return the family of a model, from its configuration.

    Raises:
        ValueError: the type of model is not supported.
    """
    return _family(str(config.model_type))


def library_config(kind: str) -> type[PreTrainedConfig]:
    """Return the library's configuration class of a type of model.

    Raises:
        ValueError: the type of model is not supported.
    """
    found = _family(kind).model_class().config_class
    assert found is not None  # the library's classes without one are abstract
    return found


def family_of_folder(folder: Path) -> Family:
    """Return the family of a checkpoint folder. A processor without a model is InternVL's.

    Raises:
        ValueError: the type of model is not supported.
    """
    return _family(type_of_folder(folder))


def type_of_folder(folder: Path) -> str:
    """Return the type of model of a checkpoint folder; InternVL's if it has only a processor."""
    path = Path(folder) / "config.json"
    config = read_model_json(path) if path.exists() else {}
    return str(config.get("model_type", "internvl"))


def _family(kind: str) -> Family:
    if kind not in FAMILIES:
        raise ValueError(f"models of type {kind!r} are not supported, only {', '.join(FAMILIES)}")
    return FAMILIES[kind]


__all__ = [
    "Family",
    "ImageProcessor",
    "family_of",
    "family_of_folder",
    "library_config",
    "type_of_folder",
]
