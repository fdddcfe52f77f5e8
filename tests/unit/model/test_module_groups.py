"""Groups follow the model's structure, and freezing is checked."""

import pytest
import torch
from model_fixtures import small_model

from r1v3.model.groups import (
    GROUPS,
    check_frozen,
    group_hashes,
    group_of,
    grouped_parameters,
    train_only,
)


def test_every_parameter_belongs_to_one_group_and_no_group_is_empty():
    model = small_model()
    groups = grouped_parameters(model)
    assert all(groups[name] for name in GROUPS)
    grouped = sum(p.numel() for parameters in groups.values() for _, p in parameters)
    assert grouped == sum(p.numel() for p in model.parameters())


def test_an_unknown_structure_is_refused():
    with pytest.raises(ValueError, match="belongs to none of the groups"):
        group_of("transformer.h.0.attn.weight")


def test_only_the_named_groups_keep_gradients():
    model = small_model()
    train_only(model, ["connector"])
    trained = {group_of(n) for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {"connector"}
    with pytest.raises(ValueError, match="train must name some of"):
        train_only(model, ["projector"])


@pytest.mark.parametrize("group", list(GROUPS))
def test_a_frozen_group_that_moved_fails_and_a_trained_one_that_did_not_fails(group):
    model = small_model()
    before = group_hashes(model)
    with pytest.raises(RuntimeError, match=f"{group} was to be trained"):
        check_frozen(before, group_hashes(model), [group])
    with torch.no_grad():
        grouped_parameters(model)[group][0][1].add_(1e-3)
    after = group_hashes(model)
    check_frozen(before, after, [group])
    with pytest.raises(RuntimeError, match=f"{group} was to stay frozen"):
        check_frozen(before, after, [])


def test_the_tied_lm_head_belongs_to_the_language_model():
    assert group_of("lm_head.weight") == "llm"
    names = [name for name, _ in grouped_parameters(small_model())["llm"]]
    assert "lm_head.weight" not in names  # tied: counted once, as the embedding
