"""Qwen2.5-VL and Qwen3-VL can be trained: packed, frozen by group, sampled, saved and opened again."""

import copy
import json
import shutil
from pathlib import Path

import pytest
import torch
from family_passes import alone, own_logits, packed
from model_fixtures import IMAGES, TEMPLATE, picture
from PIL import Image
from qwen_checkpoints import KINDS, qwen_model, qwen_processor, write_qwen
from safetensors.torch import load_file, save_file

from r1v3.generate import Request, Sampling
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.parity import cases
from r1v3.model.encode import Encoder
from r1v3.model.families import family_of
from r1v3.model.groups import GROUPS, check_frozen, group_hashes, train_only, zero_modules
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.model.packed import Group, hidden_states, pack_groups, use_packed_attention
from r1v3.model.spread import spread
from r1v3.model.supported import check_supported
from r1v3.plan.model_check import check_model
from r1v3.train.core.flops import FlopCount

ROOT = Path(__file__).parents[3]
WIDE, HIGH = picture(1, 56, 24), picture(2, 17, 40)


@pytest.fixture(scope="module", params=KINDS)
def opened(request):
    """Return a model of each family, and its encoder."""
    return qwen_model(request.param), Encoder(qwen_processor(request.param), IMAGES)


@pytest.fixture(scope="module")
def groups(opened):
    """Return prompts without a picture, with one, and with two of other shapes; some have many responses."""
    encoder = opened[1]
    answers = [encoder.text_ids(text) for text in ("3+4=7", "Wait, 4+3=7. \\boxed{7}", "7")]
    asked = [
        ("What is the sum?", [], answers[:1]),
        ("<image>\nWhat?", [WIDE], answers),
        ("<image>\n<image> A. 1 B. 2", [HIGH, picture(3)], answers[1:]),
    ]
    encoded = [(encoder.prompt(text, pictures), own) for text, pictures, own in asked]
    return [Group(prompt.prompt_ids, tuple(own), prompt.tiles) for prompt, own in encoded]


def test_packed_log_probabilities_and_gradients_equal_those_of_each_sequence_alone(opened, groups):
    plain, model = copy.deepcopy(opened[0]), copy.deepcopy(opened[0])
    expected = torch.cat([alone(plain, g, a) for g in groups for a in g.responses])
    logp = packed(model, groups)
    torch.testing.assert_close(logp, expected, atol=1e-4, rtol=1e-4)
    expected.sum().backward()
    logp.sum().backward()
    for (name, one), (_, other) in zip(plain.named_parameters(), model.named_parameters()):
        assert (one.grad is None) == (other.grad is None), name
        if one.grad is not None:
            size = float(one.grad.abs().max())
            torch.testing.assert_close(
                other.grad, one.grad, atol=1e-3 * (1 + size), rtol=1e-3, msg=name
            )


def test_a_padded_batch_of_the_library_gives_the_same(opened, groups):
    model = copy.deepcopy(opened[0])
    rows = [([*g.prompt_ids, *g.responses[0]], g) for g in groups[1:]]
    longest = max(len(ids) for ids, _ in rows)
    filler = opened[1].tokenizer.pad_token_id
    inputs = [family_of(model.config).inputs(ids, group.tiles) for ids, group in rows]
    padded = torch.tensor([ids + [filler] * (longest - len(ids)) for ids, _ in rows])
    mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows])
    kinds = (padded == model.config.image_token_id).int()
    shown = {
        name: torch.cat([each[name] for each in inputs])
        for name in ("pixel_values", "image_grid_thw")
    }
    with torch.no_grad():
        logp = model(
            input_ids=padded, attention_mask=mask, mm_token_type_ids=kinds, **shown
        ).logits.log_softmax(-1)
        ours = packed(model, [Group(g.prompt_ids, g.responses[:1], g.tiles) for _, g in rows])
    expected = [
        logp[row, len(group.prompt_ids) + n - 1, token]
        for row, (_, group) in enumerate(rows)
        for n, token in enumerate(group.responses[0])
    ]
    torch.testing.assert_close(ours, torch.stack(expected), atol=1e-4, rtol=1e-4)


def test_positions_of_every_sample_in_a_pack_are_the_librarys(opened, groups):
    model, pack, start = opened[0], pack_groups(groups), 0
    for group in groups:
        ids = torch.tensor([[*group.prompt_ids, *group.responses[0][:-1]]])
        inputs = family_of(model.config).inputs(ids[0].tolist(), group.tiles)
        kinds = inputs.get("mm_token_type_ids", torch.zeros_like(ids))
        found, _ = model.model.get_rope_index(ids, kinds, inputs.get("image_grid_thw"))
        assert torch.equal(pack.position_ids[:, start : start + ids.shape[1]], found[:, 0])
        lengths = [len(answer) - 1 for answer in group.responses]
        start += len(group.prompt_ids) + sum(lengths)
    assert start == len(pack.input_ids_T)


@pytest.mark.parametrize("group", list(GROUPS))
def test_a_step_moves_one_group_alone(group, opened, groups):
    model = copy.deepcopy(opened[0])
    train_only(model, [group])
    before = group_hashes(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    packed(model, groups).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in trained)
    torch.optim.SGD(trained, lr=1e-3).step()
    check_frozen(before, group_hashes(model), [group])


def test_a_removed_connector_lets_no_picture_through_to_any_layer(opened, groups):
    model = copy.deepcopy(opened[0])
    features = family_of(model.config).features
    assert all(each.abs().max() > 0 for each in features(model, groups[1].tiles))
    zero_modules(model, ["connector"])
    assert all(each.abs().max() == 0 for each in features(model, groups[1].tiles))


def test_what_is_saved_opens_with_the_same_logits_here_and_by_the_librarys_auto_classes(
    opened, groups, tmp_path
):
    from transformers import AutoModelForImageTextToText

    model, encoder = copy.deepcopy(opened[0]), opened[1]
    save_checkpoint(model, encoder.processor, tmp_path / "saved")
    auto = AutoModelForImageTextToText.from_pretrained(tmp_path / "saved").eval()
    again = Encoder(load_processor(tmp_path / "saved"), IMAGES)
    prompt = again.prompt("<image>\n<image> A. 1 B. 2", [HIGH, picture(3)])
    assert prompt.prompt_ids == groups[2].prompt_ids
    assert torch.equal(prompt.tiles.pixels_NF, groups[2].tiles.pixels_NF)
    assert again.processor.image_ids == encoder.processor.image_ids
    ids = list(prompt.prompt_ids)
    with torch.no_grad():
        expected = own_logits(model, ids, prompt.tiles)
        for other in (load_model(tmp_path / "saved").eval(), auto):
            assert torch.equal(expected, own_logits(other, ids, prompt.tiles))


def test_greedy_answers_are_those_of_the_librarys_generate(opened):
    model, encoder = copy.deepcopy(opened[0]), opened[1]
    requests = [
        Request("text", "What is the sum?", (), seed=1),
        Request("wide", "<image>\nWhat?", (WIDE,), seed=2),
        Request("two", "<image> and <image>\n" + "Wait, 3+4=7. " * 5, (HIGH, WIDE), seed=3),
    ]
    never = list(encoder.never)
    expected = {}
    for request in requests:
        prompt = encoder.prompt(request.prompt, list(request.images))
        ids = torch.tensor([prompt.prompt_ids])
        inputs = family_of(model.config).inputs(prompt.prompt_ids, prompt.tiles)
        out = model.generate(
            input_ids=ids, **inputs, do_sample=False, max_new_tokens=12, suppress_tokens=never
        )
        expected[request.key] = tuple(out[0, ids.shape[1] :].tolist())
    engine = TransformersEngine(copy.deepcopy(opened[0]), encoder)
    batches = engine.generate(requests, Sampling(0.0, 1.0, 12))
    assert {r.key: r.token_ids for batch in batches for r in batch} == expected
    samples = [r for b in engine.generate(requests, Sampling(1.0, 1.0, 6, samples=3)) for r in b]
    assert len(samples) == 9
    assert not any(r.error for r in samples)


def test_sampled_log_probabilities_are_the_packed_ones(opened):
    model, encoder = copy.deepcopy(opened[0]), opened[1]
    request = Request("q", "<image>\nWhat?", (WIDE,), seed=2)
    engine = TransformersEngine(copy.deepcopy(model), encoder)
    sampling = Sampling(1.0, 1.0, 8, samples=3)
    found = [r for batch in engine.generate([request], sampling) for r in batch]
    prompt = encoder.prompt(request.prompt, [WIDE])
    own = Group(prompt.prompt_ids, tuple(r.token_ids for r in found), prompt.tiles)
    use_packed_attention(model)
    pack = pack_groups([own])
    with torch.no_grad():
        logits = model.lm_head(hidden_states(model, pack))
    logits[:, list(encoder.never)] = -torch.inf
    logp = logits.log_softmax(-1).gather(1, pack.target_N[:, None])[:, 0]
    told = torch.tensor([value for r in found for value in r.logprobs])
    torch.testing.assert_close(logp, told, atol=1e-4, rtol=1e-4)


def test_a_picture_has_the_patches_and_tokens_that_its_header_promises(opened, tmp_path):
    encoder = opened[1]
    merge = encoder.processor.image_processor.merge_size
    for width, height in ((1, 1), (3, 300), (500, 40), (24, 24), (400, 400)):
        path = tmp_path / f"{width}.png"
        picture(1, width, height).save(path)
        (promised,) = encoder.tile_counts([path])
        patches, counts = encoder.tiles([path])
        assert counts == [promised] == [len(patches)]
        prompt = encoder.prompt("<image> ?", [path])
        assert prompt.prompt_ids.count(encoder.processor.image_token_id) == promised / merge**2
        assert patches.pixels_NF.nbytes == promised * encoder.processor.unit_bytes


def test_a_picture_too_narrow_for_the_family_is_named(opened, tmp_path):
    _, encoder = opened
    path = tmp_path / "thread.png"
    Image.new("RGB", (1, 300)).save(path)
    with pytest.raises(ValueError, match=r"thread\.png: .*aspect ratio"):
        encoder.tile_counts([path])


def test_the_recipe_limits_a_picture_and_never_raises_what_the_checkpoint_allows(opened):
    processor = opened[1].processor
    limits = processor.image_processor.size
    assert processor.arguments(IMAGES) == {"size": dict(limits)}
    roomy = copy.deepcopy(processor)
    roomy.image_processor.size = {"shortest_edge": 256, "longest_edge": 2**24}
    tile = (16 * 8) ** 2
    one = IMAGES.model_copy(update={"max_tiles": 1})
    assert roomy.arguments(one)["size"] == {"shortest_edge": 256, "longest_edge": tile}
    two = IMAGES.model_copy(update={"min_tiles": 2, "max_tiles": 3})
    assert roomy.arguments(two)["size"] == {"shortest_edge": 2 * tile, "longest_edge": 3 * tile}
    assert roomy.tokens(roomy.units(999, 999, one)) <= 256


def test_a_blank_picture_changes_nothing_and_reaches_every_module(opened, groups):
    model, encoder = copy.deepcopy(opened[0]), opened[1]
    use_packed_attention(model)
    pack = pack_groups(groups[:1])
    blank = family_of(model.config).blank(model.config)
    assert torch.equal(blank.pixels_NF, encoder.processor.blank().pixels_NF)
    assert (blank.grids, blank.merge) == (((2, 2),), 2)
    with_blank = hidden_states(model, pack.with_blank_tile(blank))
    assert torch.equal(with_blank, hidden_states(model, pack))
    with_blank.sum().backward()
    assert all(p.grad is not None for p in model.model.visual.parameters())


def test_the_operations_of_a_picture_grow_with_what_trains(opened):
    model = opened[0]
    counts = [FlopCount.of(model, trained).tile for trained in ([], ["connector"], list(GROUPS))]
    assert 0 < counts[0] < counts[1] < counts[2]


def test_the_gates_pictures_stay_within_the_context(opened):
    encoder = opened[1]
    shown = list(cases(TEMPLATE, side=encoder.processor.side, max_pixels=IMAGES.max_pixels))
    prompts = [encoder.prompt(each.prompt, list(each.images)) for each in shown]
    assert len({p.tiles.grids for p in prompts if len(p.tiles)}) == 4
    assert max(len(p.prompt_ids) for p in prompts) < 512


@pytest.mark.parametrize("kind", KINDS)
def test_model_check_says_that_it_is_trained_served_and_evaluated(kind, tmp_path):
    folder = write_qwen(tmp_path / "model", kind)
    lines, opened = check_model(ROOT, str(folder))
    said = {line[:14].strip(): line[14:] for line in lines}
    assert opened
    assert said["family"] == {"qwen2_5_vl": "Qwen2.5-VL", "qwen3_vl": "Qwen3-VL"}[kind]
    assert (said["trainable"], said["served"], said["evaluated"]) == ("yes", "yes, by vLLM", "yes")
    assert said["pictures"] == "at native resolution, a token for 8 x 8 pixels"
    assert "sft and grpo 1, connector alone 1" in lines[-1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_hubs_spelling_is_opened_too(kind, tmp_path):
    """Use names from before transformers 4.52, top-level language model fields, and limits in pixels."""
    written = write_qwen(tmp_path / "ours", kind)
    old = tmp_path / "hub"
    shutil.copytree(written, old)
    (old / "processor_config.json").unlink()
    (old / "video_preprocessor_config.json").unlink()
    pictures = {"min_pixels": 4 * 64, "max_pixels": 40 * 64, "patch_size": 4, "merge_size": 2}
    pictures |= {"temporal_patch_size": 2, "image_processor_type": "Qwen2VLImageProcessor"}
    (old / "preprocessor_config.json").write_text(json.dumps(pictures))
    if kind == "qwen2_5_vl":
        config = json.loads((old / "config.json").read_text())
        text = config.pop("text_config")
        rope = text.pop("rope_parameters")
        scaling = {"type": "mrope", "mrope_section": rope["mrope_section"]}
        text |= {"rope_theta": rope["rope_theta"], "rope_scaling": scaling}
        (old / "config.json").write_text(json.dumps(text | config))
        tensors = load_file(old / "model.safetensors")
        renamed = {name.replace("model.visual.", "visual."): t for name, t in tensors.items()}
        renamed = {n.replace("model.language_model.", "model."): t for n, t in renamed.items()}
        assert set(renamed).isdisjoint(tensors)
        save_file(renamed, old / "model.safetensors", metadata={"format": "pt"})
    assert check_supported(json.loads((old / "config.json").read_text()), "it").opened
    assert group_hashes(load_model(old)) == group_hashes(load_model(written))
    ours, theirs = (Encoder(load_processor(folder), IMAGES) for folder in (written, old))
    asked = ("<image>\nWhat?", [WIDE])
    one, other = ours.prompt(*asked), theirs.prompt(*asked)
    assert one.prompt_ids == other.prompt_ids
    assert torch.equal(one.tiles.pixels_NF, other.tiles.pixels_NF)


def test_layers_spread_over_devices_say_the_same(opened, groups):
    model = copy.deepcopy(opened[0])
    ids = list(groups[2].prompt_ids)
    with torch.no_grad():
        expected = own_logits(model, ids, groups[2].tiles)
        spread(model, [torch.device("cpu")] * 2, [1e9, 1e9])
        assert torch.equal(own_logits(model, ids, groups[2].tiles), expected)
