"""Prompts and tiles: headers give the sizes of decoding, large pictures are reduced, bad ones are named."""

import struct

import pytest
import torch
from model_fixtures import IMAGES, picture, small_encoder, small_processor

from r1v3.base.image_errors import IMAGE_ERRORS
from r1v3.generate.pictures import data_url
from r1v3.model import encode
from r1v3.model.encode import Encoder

SIZES = [(28, 28), (56, 28), (28, 90), (300, 20), (31, 200), (1, 400), (140, 140)]


@pytest.fixture
def pictures(tmp_path):
    paths = []
    for number, (width, height) in enumerate(SIZES):
        paths.append(tmp_path / f"{number}.png")
        picture(number, width, height).save(paths[-1])
    return paths


@pytest.mark.parametrize("most", [1, 4, 12])
def test_headers_tell_how_many_tiles_there_will_be(most, pictures):
    encoder = Encoder(small_processor(), IMAGES.model_copy(update={"max_tiles": most}))
    tiles, counts = encoder.tiles(pictures)
    assert encoder.tile_counts(pictures) == counts
    assert len(tiles) == sum(counts)


def test_ids_are_those_of_the_prompt_written_out(pictures):
    encoder, processor = small_encoder(), small_processor()
    text = "<image>What is <image>?\n<image>"
    counts = encoder.tiles(pictures[:3])[1]
    whole = text
    for count in counts:
        shown = "<img>" + "<IMG_CONTEXT>" * 4 * count + "</img>"
        whole = whole.replace("<image>", shown, 1)
    ids = processor.tokenizer(whole, add_special_tokens=False)["input_ids"]
    assert encoder.prompt_ids([text], [counts]) == [tuple(ids)]
    assert encoder.prompt(text, pictures[:3]).prompt_ids == tuple(ids)
    with pytest.raises(ValueError, match="2 image tokens for 1 pictures"):
        encoder.prompt("<image> <IMG_CONTEXT>", pictures[:1])


def test_pictures_that_are_decoded_by_portions_give_the_same_tiles(pictures, monkeypatch):
    tiles, counts = small_encoder().tiles(pictures)
    monkeypatch.setattr(encode, "DECODED", 3000)
    again, same = small_encoder().tiles(pictures)
    assert same == counts
    assert torch.equal(again, tiles)


def test_a_picture_larger_than_its_tiles_is_made_smaller():
    # 400 x 400 is 200 times a tile of 28 x 28: four tiles and the thumbnail
    tiles, counts = small_encoder().tiles([picture(1, 400, 400)])
    assert counts == [5]
    assert tiles.shape == (5, 3, 28, 28)


def dds(path):
    """Write a DDS file whose pixel format Pillow knows but cannot decode."""
    flags = struct.pack("<7I44x", 124, 0x1007, 8, 8, 32, 0, 0)
    form = struct.pack("<2I4s5I", 32, 4, b"ZZZZ", 0, 0, 0, 0, 0)
    path.write_bytes(b"DDS " + flags + form + bytes(20))
    return path


def test_a_picture_that_no_decoder_takes_is_named(tmp_path):
    path = dds(tmp_path / "odd.png")
    for read in (small_encoder().tiles, small_encoder().tile_counts, small_encoder().check):
        with pytest.raises(ValueError, match=r"odd\.png: "):
            read([path])
    with pytest.raises(IMAGE_ERRORS):
        data_url(path, 10**6)


@pytest.mark.parametrize("form", ["png", "jpg"])
def test_a_cut_picture_is_found_without_its_tiles(form, tmp_path):
    path = tmp_path / f"cut.{form}"
    picture(1, 64, 64).save(path)
    small_encoder().check([path])
    path.write_bytes(path.read_bytes()[:-300])
    assert small_encoder().tile_counts([path]) == [5]  # its header is whole
    with pytest.raises(ValueError, match=f"cut.{form}: "):
        small_encoder().check([path])
