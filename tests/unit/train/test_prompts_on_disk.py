"""Prompts whose tiles would fill the memory leave them on disk, and show the same ones when asked."""

import torch
from model_fixtures import picture, small_encoder

from r1v3.model.encode import Encoded, EncodedOnDisk
from r1v3.train.rollouts import encode_prompts


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
