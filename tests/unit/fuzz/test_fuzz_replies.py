"""Arbitrary replies of models, judges and servers: a verdict, an answer or a message, never a traceback."""

import json
import tempfile
from pathlib import Path

from fuzzing import JSON, TEXT, changed, fuzz
from hypothesis import given
from hypothesis import strategies as st

from r1v3.generate.server.read_reply import read_choices
from r1v3.generate.store import read_responses
from r1v3.reward.rules import TYPES, apply_rules
from r1v3.reward.verdict import Verdict
from r1v3.reward.verifier.verifier import verdict_of

REPLY = {
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": [{"type": "text", "text": "four"}]},
            "finish_reason": "stop",
            "token_ids": [5, 6],
            "logprobs": {"content": [{"token": "t", "logprob": -0.5}]},
        }
    ],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2},
}


@fuzz
@given(changed(REPLY))
def test_any_reply_is_read_or_refused(reply):
    try:
        choices = read_choices(reply)
    except ValueError as error:
        assert str(error)
    else:
        assert all(isinstance(choice.text, str) and choice.tokens >= 0 for choice in choices)


@fuzz
@given(changed({"choices": [{"message": {"content": "VERDICT: CORRECT"}}]}))
def test_any_reply_of_a_judge_is_a_verdict_or_none(reply):
    try:
        assert verdict_of(reply) in (True, False)
    except ValueError as error:
        assert str(error)


PIECES = st.sampled_from(
    ["\\boxed{", "}", "12", "\\frac", "{1}{2}", "<think>", "</think>", "B", "答案是", "answer:", " ", "=",
     "^", "_", "\\sqrt[", "]", "\\text{cm}", "10^{10^{10}}", "$$", "\\left(", "|", "≤", "1,000", "%"]
)  # fmt: skip


@fuzz
@given(
    response=st.lists(PIECES | TEXT, max_size=12).map("".join),
    gold=st.sampled_from(["12", "\\frac{1}{2}", "B", "x=3", "(1,2]", "12 cm", ""]),
    kind=st.sampled_from(sorted(TYPES)),
    question=st.none() | TEXT,
)
def test_any_answer_has_a_verdict(response, gold, kind, question):
    row = {"response": response, "gold": gold, "type": kind, "question": question}
    found = apply_rules(row)
    assert isinstance(found, Verdict | list)


STORED = {"key": "a", "run": 0, "request": "0", "text": "x", "finish_reason": "stop", "tokens": 1,
          "prompt_tokens": 2}  # fmt: skip


def test_the_stored_answer_that_is_changed_is_one(tmp_path):
    (tmp_path / "x.0-of-1.jsonl").write_text(json.dumps(STORED) + "\n")
    assert list(read_responses(tmp_path, "x")) == [STORED]


@fuzz
@given(
    st.lists(changed(STORED) | JSON, max_size=4),
    st.binary(max_size=20),
)
def test_any_stored_answer_is_read_or_named(rows, tail):
    with tempfile.TemporaryDirectory() as folder:
        lines = [json.dumps(row).encode() + b"\n" for row in rows]
        (Path(folder) / "x.0-of-1.jsonl").write_bytes(b"".join(lines) + tail)
        told: list[str] = []
        for row in read_responses(Path(folder), "x", told.append):
            assert isinstance(row["key"], str)
        assert all("x.0-of-1.jsonl, line" in line for line in told)
