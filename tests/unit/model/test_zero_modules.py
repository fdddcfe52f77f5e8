"""A removed connector passes nothing of a picture on, and its checkpoint keeps the same structure."""

import copy

import torch
from model_fixtures import small_model
from torch import nn

from r1v3.model.groups import group_hashes, zero_modules


def test_no_picture_reaches_the_language_model():
    model = copy.deepcopy(small_model())
    projector = model.model.multi_modal_projector
    features = torch.randn(
        2, 4, next(m for m in projector.modules() if isinstance(m, nn.LayerNorm)).weight.shape[0]
    )
    assert projector(features).abs().max() > 0
    before = group_hashes(model)
    zero_modules(model, ["connector"])
    assert projector(features).abs().max() == 0
    after = group_hashes(model)
    assert after["connector"] != before["connector"]
    assert {g: after[g] for g in ("vision_tower", "llm")} == {
        g: before[g] for g in ("vision_tower", "llm")
    }
    assert set(model.state_dict()) == set(small_model().state_dict())


def test_without_a_group_nothing_changes():
    model = copy.deepcopy(small_model())
    before = group_hashes(model)
    zero_modules(model, [])
    assert group_hashes(model) == before
