"""Every InternVL that can be converted can be trained: packed, frozen by group, saved and opened again."""

import copy

import pytest
import torch
from chat_checkpoints import SIX_B, chat_config, write_chat_checkpoint
from family_passes import alone, packed
from model_fixtures import IMAGES, picture

from r1v3.generate import Request, Sampling
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.model.encode import Encoder
from r1v3.model.groups import GROUPS, check_frozen, group_hashes, train_only
from r1v3.model.layouts.internvl_chat_folder import convert_checkpoint
from r1v3.model.load import load_model, load_processor, save_checkpoint
from r1v3.model.packed import Group

KINDS = {
    "InternVL3": lambda: chat_config("qwen2"),
    "InternVL3-38B": lambda: chat_config("qwen2", vision=SIX_B),
    "InternVL3.5": lambda: chat_config("qwen3"),
    "InternVL2.5, InternLM2.5": lambda: chat_config("internlm2"),
}


@pytest.fixture(scope="module", params=list(KINDS))
def opened(request, tmp_path_factory):
    """Return a converted model of each kind, and its encoder."""
    folder = tmp_path_factory.mktemp("family")
    write_chat_checkpoint(folder / "came", KINDS[request.param]())
    native = convert_checkpoint(folder / "came", folder / "native")
    return load_model(native), Encoder(load_processor(native), IMAGES)


@pytest.fixture(scope="module")
def groups(opened):
    """Return prompts without a picture, with one of several tiles, and with two; some have many responses."""
    encoder = opened[1]
    answers = [encoder.text_ids(text) for text in ("3+4=7", "Wait, 4+3=7. \\boxed{7}", "7")]
    asked = [
        ("What is the sum?", [], answers[:1]),
        ("<image>\nWhat?", [picture(1, 56, 28)], answers),
        ("<image>\n<image> A. 1 B. 2", [picture(2), picture(3)], answers[1:]),
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
        if one.grad is not None:
            size = float(one.grad.abs().max())
            torch.testing.assert_close(
                other.grad, one.grad, atol=1e-3 * (1 + size), rtol=1e-3, msg=name
            )


@pytest.mark.parametrize("group", list(GROUPS))
def test_a_step_moves_one_group_alone(group, opened, groups):
    model = copy.deepcopy(opened[0])
    train_only(model, [group])
    before = group_hashes(model)
    trained = [p for p in model.parameters() if p.requires_grad]
    packed(model, groups).sum().backward()
    torch.optim.SGD(trained, lr=1e-3).step()
    check_frozen(before, group_hashes(model), [group])


def test_what_is_saved_opens_with_the_same_log_probabilities_and_answers(opened, groups, tmp_path):
    model, encoder = copy.deepcopy(opened[0]).eval(), opened[1]
    save_checkpoint(model, encoder.processor, tmp_path / "saved")
    again = load_model(tmp_path / "saved").eval()
    with torch.no_grad():
        assert torch.equal(alone(model, groups[1], (7, 8)), alone(again, groups[1], (7, 8)))
    request = Request("q", "<image>\nWhat?", (picture(1, 56, 28),), seed=1)
    found = []
    for each, processor in (
        (model, encoder.processor),
        (again, load_processor(tmp_path / "saved")),
    ):
        engine = TransformersEngine(each, Encoder(processor, IMAGES))
        found += [r for batch in engine.generate([request], Sampling(0.0, 1.0, 12)) for r in batch]
    assert found[0].token_ids == found[1].token_ids
    # Greedy answers are the likeliest tokens of the plain forward pass, image tokens left out.
    with torch.no_grad():
        ids = torch.tensor([[*encoder.prompt("<image>\nWhat?", request.images).prompt_ids]])
        tiles = encoder.prompt("<image>\nWhat?", request.images).tiles
        logits = model(input_ids=ids, pixel_values=tiles).logits[0, -1]
    logits[list(encoder.never)] = -torch.inf
    assert int(logits.argmax()) == found[0].token_ids[0]


def test_questions_of_unequal_length_are_answered_together_as_alone(opened):
    model, encoder = copy.deepcopy(opened[0]).eval(), opened[1]
    texts = ["<image>\nWhat?", "<image>\n" + "Wait, 3+4=7. " * 9]
    requests = [
        Request(str(n), text, (picture(n, 56, 28),), seed=n) for n, text in enumerate(texts)
    ]

    def ask(some):
        engine = TransformersEngine(model, encoder)
        found = [r for batch in engine.generate(some, Sampling(0.0, 1.0, 12)) for r in batch]
        return {r.key: r for r in found}

    together, apart = ask(requests), ask(requests[:1]) | ask(requests[1:])
    for key, answer in apart.items():
        assert together[key].token_ids == answer.token_ids
        assert list(together[key].logprobs) == pytest.approx(list(answer.logprobs), abs=1e-4)
