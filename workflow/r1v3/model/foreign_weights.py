"""Weights of other people: read from the model's own folder alone, and refused where they are no numbers."""

import json
from pathlib import Path
from typing import Any

INDEX = "model.safetensors.index.json"
SHOWN = 3


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, in order; those that its index names, if it has one.

    Raises:
        ValueError: there are none, one is missing, or the index names one that is not in the folder itself.
    """
    index = folder / INDEX
    if not index.exists():
        found = sorted(folder.glob("*.safetensors"))
        if not found:
            raise ValueError(f"{folder}: no *.safetensors; pickled weights are not opened")
        return found
    try:
        content: Any = json.loads(index.read_text(encoding="utf-8"))
        names = sorted(set(content["weight_map"].values()))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{index}: damaged ({error!r}); fetch the model again") from None
    # A name such as ../../other would have any file of this machine read as weights.
    leaving = [str(n) for n in names if not isinstance(n, str) or n == ".." or Path(n).name != n]
    if leaving:
        raise ValueError(
            f"{index}: names {', '.join(leaving[:SHOWN])}, which is not in the model's own folder; do not"
            " use this model"
        )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{folder}: {', '.join(missing[:SHOWN])} of the index is missing")
    return [folder / name for name in names]


def check_weights(folder: Path) -> None:
    """Read all weights once; each must be a number.

    Raises:
        ValueError: a file is damaged, or holds NaN or infinity; the message names file and weight.
    """
    import torch
    from safetensors import SafetensorError, safe_open

    for path in weight_files(folder):
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - it is no mapping
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
