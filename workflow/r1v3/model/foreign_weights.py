"""Checks weights from other people: only files in the model's own folder, and only finite numbers."""

from collections.abc import Iterable
from pathlib import Path

from r1v3.base.json_file import FETCH, read_json
from r1v3.model.layouts.safetensors_bytes import read_header

INDEX = "model.safetensors.index.json"
SHOWN = 3


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a model, in order; those in its index, if it has one.

    Raises:
        ValueError: there are none, one is missing, or the index names a file outside the folder.
    """
    index = folder / INDEX
    if not index.exists():
        found = sorted(path for path in folder.glob("*.safetensors") if path.is_file())
        if not found:
            raise ValueError(f"{folder}: no *.safetensors; pickled weights are not opened")
        return found
    places = read_json(index, "weight_map", remedy=FETCH, once=True)["weight_map"]
    if not isinstance(places, dict) or not places or not _are_texts(places.values()):
        raise ValueError(f"{index}: damaged (weight_map does not name files); {FETCH}")
    names = sorted(set(places.values()))
    # A name such as ../../other would make any file of this machine be read as weights.
    leaving = [n for n in names if n in ("", "..") or Path(n).name != n or not n.isprintable()]
    if leaving:
        raise ValueError(
            f"{index}: names {', '.join(map(repr, leaving[:SHOWN]))}, which is not in the model's own"
            " folder; do not use this model"
        )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{folder}: {', '.join(missing[:SHOWN])} of the index is missing")
    return [folder / name for name in names]


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def check_weights(folder: Path) -> None:
    """Read all weights once, and check that all are finite.

    Raises:
        ValueError: a file is damaged, or holds NaN or infinity. The message names file and weight.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    for path in weight_files(folder):
        read_header(path)
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - the object is no mapping
                    tensor = file.get_tensor(name)
                    if not tensor.is_floating_point():
                        continue
                    wide = tensor if tensor.itemsize > 1 else tensor.to(torch.float32)
                    if not bool(wide.isfinite().all()):
                        raise ValueError(
                            f"{path}: {name} holds NaN or infinity; fetch the model again, or use another"
                        )
        except SafetensorError as error:
            raise ValueError(f"{path}: damaged ({error}); fetch the model again") from None
