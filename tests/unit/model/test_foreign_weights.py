"""Weights of strangers: from their own folder alone, whole, and numbers."""

import json

import pytest
import torch
from safetensors.torch import save_file

from r1v3.model.foreign_weights import INDEX, check_weights


def weights(folder, names=("a.safetensors", "b.safetensors"), value=1.0, kind=torch.bfloat16):
    for name in names:
        save_file({name[0]: torch.full((3, 2), value).to(kind)}, folder / name)


def index(folder, **files):
    (folder / INDEX).write_text(json.dumps({"weight_map": files}))


def test_whole_weights_pass(tmp_path):
    weights(tmp_path)
    index(tmp_path, a="a.safetensors", b="b.safetensors")
    check_weights(tmp_path)


@pytest.mark.parametrize(
    "name", ["../other.safetensors", "/etc/passwd", "sub/a.safetensors", "..", 5]
)
def test_an_index_may_not_leave_its_folder(tmp_path, name):
    inside = tmp_path / "model"
    (inside / "sub").mkdir(parents=True)
    weights(inside)
    weights(tmp_path, ["other.safetensors"])
    weights(inside / "sub", ["a.safetensors"])
    index(inside, a="a.safetensors", b=name)
    with pytest.raises(ValueError, match=r"index\.json: .*(own folder; do not use|damaged)"):
        check_weights(inside)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16, torch.float8_e5m2])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path, value, kind):
    weights(tmp_path, ["a.safetensors"])
    weights(tmp_path, ["b.safetensors"], value, kind)
    with pytest.raises(ValueError, match=r"b\.safetensors: b holds NaN or infinity; fetch"):
        check_weights(tmp_path)


def test_whole_numbers_are_no_weights_to_check(tmp_path):
    weights(tmp_path, ["a.safetensors"], 3, torch.int64)
    check_weights(tmp_path)


@pytest.mark.parametrize(
    "damage", [b"", b"\xff" * 40, b'{"weight_map": [1]}', b'{"weight_map": 1}']
)
def test_a_damaged_file_is_named(tmp_path, damage):
    weights(tmp_path, ["a.safetensors"])
    damaged = INDEX if b"map" in damage else "a.safetensors"
    (tmp_path / damaged).write_bytes(damage)
    with pytest.raises(ValueError, match=f"{damaged}: damaged .*; fetch the model again"):
        check_weights(tmp_path)


def test_pickled_weights_are_not_opened(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="pickled weights are not opened"):
        check_weights(tmp_path)
