"""A saved state is data: a state with code is refused, and the code does not run."""

import hashlib
import io
import json

import pytest
import torch

from r1v3.train.core.ranks import Ranks
from r1v3.train.core.saved_state import load_state, save_state


class Code:
    """Code that an attacker would run when the state is read."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


@pytest.fixture
def ranks():
    return Ranks.join()


def test_what_a_run_saves_comes_back(tmp_path, ranks):
    state = {"step": 3, "rates": [0.5, None], "model": {"w": torch.ones(2, dtype=torch.bfloat16)}}
    save_state(tmp_path, 3, state)
    step, found = load_state(tmp_path, ranks)
    assert step == 3
    assert found["rates"] == [0.5, None]
    assert torch.equal(found["model"]["w"], state["model"]["w"])


def test_code_in_a_state_does_not_run(tmp_path, ranks):
    ran = tmp_path / "ran"
    buffer = io.BytesIO()
    torch.save({"x": Code(ran)}, buffer)
    folder = tmp_path / "resume"
    folder.mkdir()
    (folder / "step-000001.pt").write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    (folder / "step-000001.json").write_text(json.dumps({"sha256": digest}))
    with pytest.raises(ValueError, match=r"step-000001\.pt: holds more than data.*; delete"):
        load_state(folder, ranks)
    assert not ran.exists()
