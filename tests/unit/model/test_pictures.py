"""Patches at native resolution are cut and joined, and token positions are those of the library."""

import pytest
import torch
from transformers import Qwen2_5_VLConfig
from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLModel

from r1v3.model.packed import Group, pack_groups
from r1v3.model.pictures import Patches, join, mean_colour

IMAGE = 9


def patches(*grids):
    count = sum(rows * columns for rows, columns in grids)
    return Patches(torch.arange(count * 2.0).view(-1, 2) + 1, grids, merge=2, image_token=IMAGE)


def shown(rows, columns):
    return [IMAGE] * (rows * columns // 4)


PROMPTS = {
    "one picture": ([1, *shown(4, 6), 2, 3], patches((4, 6))),
    "two with text between": ([*shown(2, 2), 1, *shown(6, 4), 5], patches((2, 2), (6, 4))),
    "the last token is a picture's": ([1, 2, 3, *shown(2, 8)], patches((2, 8))),
    "none": ([4, 5, 6], patches()),
}


@pytest.mark.parametrize("name", list(PROMPTS))
def test_positions_are_those_of_the_library(name):
    ids, pictures = PROMPTS[name]
    bare = Qwen2_5_VLModel.__new__(Qwen2_5_VLModel)
    torch.nn.Module.__init__(bare)
    bare.config = Qwen2_5_VLConfig()
    kinds = torch.tensor([[int(i == IMAGE) for i in ids]])
    found, _ = bare.get_rope_index(torch.tensor([ids]), kinds, pictures.grid_thw)
    assert torch.equal(pictures.positions(ids), found[:, 0])


def test_two_pictures_without_text_between_are_told_apart_by_their_grids():
    found = patches((2, 2), (6, 4)).positions([*shown(2, 2), *shown(6, 4), 5])
    assert found.tolist() == [
        [0, 1, 1, 1, 1, 1, 1, 4],
        [0, 1, 1, 2, 2, 3, 3, 4],
        [0, 1, 2, 1, 2, 1, 2, 4],
    ]


def test_a_response_goes_on_behind_the_picture_and_text_has_one_position_for_all_three():
    seen = Group(tuple([1, *shown(4, 6)]), ((7, 7, 8),), patches((4, 6)))
    text = Group((1, 2), ((3, 4),), torch.zeros(0))
    pack = pack_groups([text, seen])
    assert pack.position_ids[:, :3].tolist() == [[0, 1, 2]] * 3
    assert pack.position_ids[:, -2:].tolist() == [[4, 5]] * 3  # 1 + 3 columns, not 1 + 6 tokens


def test_pictures_are_cut_and_joined_with_their_grids():
    both = patches((2, 2), (2, 4))
    parts = [both[:4], both[4:4], both[4:]]
    assert [part.grids for part in parts] == [((2, 2),), (), ((2, 4),)]
    again = join(parts)
    assert again.grids == both.grids
    assert torch.equal(again.pixels_NF, both.pixels_NF)
    assert not mean_colour(both).pixels_NF.any()
    assert mean_colour(both).grids == both.grids


def test_image_tokens_that_are_not_the_pictures_are_refused():
    with pytest.raises(ValueError, match="2 image tokens for 6 of the pictures"):
        patches((4, 6)).positions([IMAGE, IMAGE])
