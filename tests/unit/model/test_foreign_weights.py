"""Foreign weights are read only from their own folder, and must be complete and finite."""

import json

import pytest
import torch
from safetensors.torch import save_file

from r1v3.model.foreign_weights import INDEX, check_weights
from r1v3.model.layouts.safetensors_bytes import read_header


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
    "name",
    [
        *(
            "../other.safetensors",
            "/etc/passwd",
            "sub/a.safetensors",
            "..",
            5,
            None,
            ["a.safetensors"],
        ),
        *("", ".", "a\0.safetensors", "\ud800", "./a.safetensors", "a.safetensors/"),
    ],
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


@pytest.mark.parametrize(
    "content",
    [
        b'{"weight_map": {}}', b'{"weight_map": {"a": "b.safetensors", "a": "a.safetensors"}}', b"[" * 10**5,
        b'{"weight_map": {"a": "/etc/passwd"}, "weight_map": {"a": "a.safetensors"}}', b"[]",
        b"\xef\xbb\xbf{}",
    ],
)  # fmt: skip
def test_an_index_that_can_be_read_in_two_ways_is_refused(tmp_path, content):
    weights(tmp_path)
    (tmp_path / INDEX).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{INDEX}: (cut or )?damaged.*; fetch the model again"):
        check_weights(tmp_path)


@pytest.mark.parametrize("place", ["/dev/zero", "itself"])
@pytest.mark.parametrize("name", [INDEX, "a.safetensors"])
def test_a_link_to_no_file_is_not_read(tmp_path, name, place):
    (tmp_path / name).symlink_to(name if place == "itself" else place)
    with pytest.raises((ValueError, OSError), match=r"damaged|no \*\.safetensors|symbolic links"):
        check_weights(tmp_path)


TWO = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HEADERS = [
    [], 5, None, {"a": None}, {"a": [1]}, {"a": {"dtype": "F32"}}, {"a": TWO, "b": TWO},
    {"a": TWO | {"data_offsets": [-8, 0]}}, {"a": TWO | {"data_offsets": [8, 0]}},
    {"a": TWO | {"data_offsets": [0.0, 8.0]}}, {"a": TWO | {"data_offsets": "ab"}},
    {"a": TWO | {"data_offsets": [0, 4, 8]}}, {"a": TWO | {"shape": [-2]}}, {"a": TWO | {"shape": "x"}},
    {"a": TWO | {"dtype": 5}}, {"a": TWO | {"shape": [2**70]}, "b": 1},
    {"a": TWO | {"data_offsets": [0, 800]}},
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS, ids=json.dumps)
def test_a_header_that_is_none_is_told_by_each_reader(tmp_path, header):
    path = tmp_path / "a.safetensors"
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    for read in (read_header, lambda path: check_weights(path.parent)):
        with pytest.raises(ValueError, match=f"{path}: damaged .*; fetch the model again"):
            read(path)


def test_a_tensor_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    text = f'{{"a": {json.dumps(TWO)}, "a": {json.dumps(TWO)}}}'.encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(8))
    with pytest.raises(ValueError, match=r"damaged .*'a' stands twice"):
        check_weights(tmp_path)


def test_pickled_weights_are_not_opened(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="pickled weights are not opened"):
        check_weights(tmp_path)
