"""Responses that survive a kill before their episode is graded."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from grpo_fixtures import grpo_settings, record

from r1v3.generate.types import Response, Sampling
from r1v3.reward.verdict import Verdict
from r1v3.train.grpo.resume.saved_samples import SavedSamples, delete_samples
from r1v3.train.grpo.sampling.prompts import Prompt
from r1v3.train.grpo.sampling.rollouts import Scoring, run_episode

SAMPLING = Sampling(1.0, 1.0, 8, samples=2)
ENCODED = SimpleNamespace(prompt_ids=(1, 2))
PROMPTS = [
    Prompt(record(name), name, ENCODED) for name in ("a", "b", "a")
]  # one prompt is met twice


def answers(request):
    made = Response(
        request.key, 0, f"{request.prompt}{request.seed}", (3, 5), (-0.1, -1 / 3), "stop", 7
    )
    return [made, replace(made, sample=1, finish_reason="length", logprobs=(-0.2, -2.5))]


class Beside:
    """Answers one prompt at a time, and fails after some."""

    depends_on_batch = False

    def __init__(self, most=9):
        self.most, self.asked = most, []

    def generate_batch(self, requests, encoded, sampling):
        assert len(encoded) == len(requests)
        for request in requests:
            if len(self.asked) == self.most:
                raise KeyboardInterrupt
            self.asked.append(request.key)
            yield answers(request)


class InProcess(Beside):
    """The same, but its responses depend on the other prompts of the batch."""

    depends_on_batch = True


class Grader:
    """Calls every answer right, or fails."""

    def __init__(self, fails=False):
        self.fails = fails

    def grade_many(self, rows):
        if self.fails:
            raise ConnectionError("the verifier is gone")
        return [Verdict("7", True, "rule:number", row["response"]) for row in rows]


def run(engine, folder, grader=None, seed="0/4"):
    saved = folder and SavedSamples(folder, 5, rank=1)
    return run_episode(
        engine,
        PROMPTS,
        SAMPLING,
        Scoring(grader or Grader(), grpo_settings().reward, "slow"),
        seed=seed,
        saved=saved,
    )


@pytest.mark.parametrize(
    ("kind", "again"),
    # In process: all beside each other, or none.
    [
        (Beside, ["1", "2"]),
        (InProcess, ["0", "1", "2"]),
    ],
)
def test_a_kill_while_sampling_costs_what_was_not_written(kind, again, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(kind(most=1), tmp_path)
    engine = kind()
    found = run(engine, tmp_path)
    assert engine.asked == again
    assert found.responses == run(kind(), None).responses
    engine = kind()
    assert run(engine, tmp_path).responses == found.responses
    assert engine.asked == []


def test_a_verifier_that_fails_costs_no_sampling(tmp_path):
    with pytest.raises(ConnectionError):
        run(InProcess(), tmp_path, Grader(fails=True))
    engine = InProcess()
    found = run(engine, tmp_path)
    assert engine.asked == []
    fresh = run(InProcess(), None)
    assert (found.responses, found.reasons) == (fresh.responses, fresh.reasons)


def test_another_round_or_rank_or_step_has_samples_of_its_own(tmp_path):
    run(Beside(), tmp_path)
    engine = Beside()
    run(engine, tmp_path, seed="0/4/1")
    assert engine.asked == ["0", "1", "2"]
    assert SavedSamples(tmp_path, 5, rank=0).saved == {}
    assert SavedSamples(tmp_path, 6, rank=1).saved == {}


def test_a_line_that_was_cut_short_is_asked_again(tmp_path):
    run(Beside(), tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-20])
    engine = Beside()
    found = run(engine, tmp_path)
    assert engine.asked == ["2"]
    assert found.responses == run(Beside(), None).responses
    assert len(SavedSamples(tmp_path, 5, rank=1).saved) == 3


def test_samples_are_deleted_with_their_steps(tmp_path):
    run(Beside(), tmp_path)
    delete_samples(tmp_path, through=4)
    assert len(list(tmp_path.iterdir())) == 1
    delete_samples(tmp_path, through=5)
    assert list(tmp_path.iterdir()) == []


def saved_lines(folder):
    asked = [SimpleNamespace(key=place, prompt="p", seed=1) for place in ("0", "1")]
    found = [each for request in asked for each in answers(request)]
    SavedSamples(folder, 5, 1).add("r", ["a", "b"], found)
    return folder / "sampled-000005-001.jsonl"


@pytest.mark.parametrize(
    "line", [b"", b"\xff", b"5", b"[]", b"{}", b'{"round": "r"}', b"[" * 10**5]
)
def test_a_damaged_line_is_named_and_its_prompt_asked_again(tmp_path, capsys, line):
    path = saved_lines(tmp_path)
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(line + b"\n" + second)
    saved = SavedSamples(tmp_path, 5, 1)
    assert [each.key for each in saved.of_round("r", ["a", "b"])] == ["1", "1"]
    assert f"{path}, line 1: damaged; its prompt is asked again" in capsys.readouterr().out
    assert path.read_bytes() == second
    assert json.loads(first)["prompt"] == "a"


def test_a_flipped_bit_of_a_saved_answer_is_seen(tmp_path):
    path = saved_lines(tmp_path)
    whole = path.read_bytes()
    kept = SavedSamples(tmp_path, 5, 1).of_round("r", ["a", "b"])
    for at in range(0, whole.index(b"\n"), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        found = SavedSamples(tmp_path, 5, 1).of_round("r", ["a", "b"])
        assert found == kept[2:], whole[at - 5 : at + 5]


def test_lines_of_an_earlier_version_are_read(tmp_path):
    path = saved_lines(tmp_path)
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    kept = SavedSamples(tmp_path, 5, 1).of_round("r", ["a", "b"])
    for row in rows:
        del row["sha256"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert SavedSamples(tmp_path, 5, 1).of_round("r", ["a", "b"]) == kept
