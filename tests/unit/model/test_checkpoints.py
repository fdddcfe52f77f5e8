"""A checkpoint folder has all of a model in the hub's format, or the message says what it lacks."""

import pytest
import torch
from model_fixtures import SIZES, picture, small_encoder, small_model, small_processor
from safetensors.torch import load_file, save_file

from r1v3.model.encode import Encoder
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.recipe.schema.recipe import Images


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "step-000001"
    save_checkpoint(small_model(seed=4), small_processor(), folder)
    return folder


def test_what_is_saved_is_what_is_loaded(checkpoint):
    saved, loaded = small_model(seed=4).state_dict(), load_model(checkpoint).state_dict()
    assert saved.keys() == loaded.keys()
    assert all(torch.equal(saved[name], loaded[name]) for name in saved)


def test_the_loaded_processor_encodes_as_the_saved_one(checkpoint):
    images = Images(min_tiles=1, max_tiles=4, max_pixels=10**6)
    text, pictures = "<image>\n<image>\nWait, 3+4=7.", [picture(1, 56, 28), picture(2)]
    before = Encoder(small_processor(), images).prompt(text, pictures)
    after = Encoder(load_processor(checkpoint), images).prompt(text, pictures)
    assert before.prompt_ids == after.prompt_ids
    assert torch.equal(before.tiles, after.tiles)


def test_a_missing_weight_is_an_error_not_a_warning(checkpoint):
    path = checkpoint / "model.safetensors"
    weights = load_file(path)
    name = next(n for n in weights if "multi_modal_projector" in n)
    del weights[name]
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(RuntimeError, match="does not hold this model's weights"):
        load_model(checkpoint)


def test_a_wide_picture_becomes_tiles_and_a_thumbnail():
    encoded = small_encoder().prompt("<image>", [picture(1, 56, 28)])
    assert encoded.tiles.shape == (3, 3, SIZES.image_size, SIZES.image_size)
    context = small_processor().image_token_id
    assert encoded.prompt_ids.count(context) == 3 * 4


def test_markers_and_pictures_must_agree_and_bombs_are_refused():
    with pytest.raises(ValueError, match="2 image markers for 1 pictures"):
        small_encoder().prompt("<image><image>", [picture(1)])
    with pytest.raises(ValueError, match="allowed"):
        small_encoder().prompt("<image>", [picture(1, 1000, 1000)])


def test_numbers_are_one_token_wherever_they_stand():
    ids = small_processor().tokenizer("Wait, 7. {7} 7+7", add_special_tokens=False)["input_ids"]
    seven = small_processor().tokenizer.convert_tokens_to_ids("7")
    assert ids.count(seven) == 4


def test_text_survives_the_tokenizer_byte_for_byte():
    tokenizer = small_processor().tokenizer
    text = "答案是 Ω\n\t\\boxed{½}  two  spaces <think>Hmm</think>"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == text


def test_a_checkpoint_holds_nothing_of_a_save_that_was_killed(tmp_path):
    left = tmp_path / "step-000001.partial"
    left.mkdir()
    (left / "half.json").write_text("{")
    folder = tmp_path / "step-000001"
    save_checkpoint(small_model(seed=4), small_processor(), folder)
    assert not (folder / "half.json").exists()
