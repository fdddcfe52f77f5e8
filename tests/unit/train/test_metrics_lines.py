"""A bad line of metrics.jsonl ends no curve."""

import pytest

from r1v3.train.core.metrics import read_metrics


@pytest.mark.parametrize("bad", [b'{"step": 2, "lo', b"\xff", b"[]", b'{"loss": 1}', b"\x00\x00"])
def test_a_bad_line_is_named_and_the_steps_after_it_are_read(tmp_path, capsys, bad):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + bad + b'\n{"step": 3}\n')
    assert [row["step"] for row in read_metrics(path)] == [1, 3]
    assert f"{path}, line 2" in capsys.readouterr().out


def test_a_last_line_that_a_kill_cut_short_is_left_out_without_a_word(tmp_path, capsys):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "lo')
    assert [row["step"] for row in read_metrics(path)] == [1]
    assert capsys.readouterr().out == ""
