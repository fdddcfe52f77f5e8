"""A job of the vLLM engine that was killed."""

from answering import SAMPLING, requests
from killing import killed_and_resumed


def test_after_kill_9_only_what_is_missing_is_asked_and_nothing_differs(
    engine, checkpoint, answers, tmp_path
):
    before, asked, rows = killed_and_resumed("vllm", checkpoint, tmp_path)
    total = len(requests()) * SAMPLING.samples
    assert 0 < before < total
    assert asked == total - before
    whole = {(r.key, r.sample): r.text for r in answers(engine, requests(), SAMPLING)}
    assert {at: row["text"] for at, row in rows.items()} == whole
    assert sum("error" in row for row in rows.values()) == SAMPLING.samples
