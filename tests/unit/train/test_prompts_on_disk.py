"""Prompts whose tiles would fill the memory keep them on disk, and load the same tiles when needed."""

import pytest
import torch
from model_fixtures import picture, small_encoder

from r1v3.model.encode import Encoded, EncodedOnDisk, Encoder
from r1v3.train.grpo.sampling import prompts
from r1v3.train.grpo.sampling.prompts import encode_prompts

TILE = 3 * 28 * 28 * 4


def test_tiles_beyond_the_limit_stay_on_disk_and_are_the_same(tmp_path):
    pictures = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        picture(number, width=28 * (1 + number)).save(path)
        pictures.append((path,))
    texts = [f"<image>What is {number}?" for number in range(3)]
    held = encode_prompts(texts, pictures, small_encoder(), keep=10**9)
    left = encode_prompts(texts, pictures, small_encoder(), keep=0)
    assert {type(each) for each in held} == {Encoded}
    assert {type(each) for each in left} == {EncodedOnDisk}
    for one, other in zip(held, left):
        assert one.prompt_ids == other.prompt_ids
        assert torch.equal(one.tiles, other.tiles)
    assert len({len(each.tiles) for each in left}) > 1


def test_what_stays_on_disk_is_told_by_headers_and_known_to_be_readable(tmp_path, monkeypatch):
    pictures = []
    for number in range(3):
        path = tmp_path / f"{number}.png"
        picture(number).save(path)
        pictures.append((path,))
    texts = [f"<image>What is {number}?" for number in range(3)]
    monkeypatch.setattr(prompts, "ENCODED_AT_ONCE", 1)
    tiled, tiles = [], Encoder.tiles
    monkeypatch.setattr(
        Encoder, "tiles", lambda self, own: (tiled.append(own[0].stem), tiles(self, own))[1]
    )
    made = encode_prompts(texts, pictures, small_encoder(), keep=TILE)
    assert [type(each) for each in made] == [Encoded, EncodedOnDisk, EncodedOnDisk]
    assert tiled == ["0"]
    pictures[2][0].write_bytes(pictures[2][0].read_bytes()[:-900])
    with pytest.raises(ValueError, match=r"2\.png: "):
        encode_prompts(texts, pictures, small_encoder(), keep=TILE)
