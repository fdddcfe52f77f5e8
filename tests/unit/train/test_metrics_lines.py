"""A bad line of metrics.jsonl ends no curve."""

import pytest

from r1v3.analyze.mlflow.publish import metric_lines
from r1v3.train.core.metrics import read_metrics

BAD = [
    *(
        b'{"step": 2, "lo',
        b"\xff",
        b"[]",
        b'{"loss": 1}',
        b"\x00\x00",
        b'{"step": "2"}',
        b'{"step": true}',
    ),
    *(
        b'{"step": 2, "loss": "0.5"}',
        b'{"step": 2, "loss": {}}',
        b'{"step": 2, "seconds": null}',
        b"5",
    ),
    *(
        b'{"step": -2}',
        b'{"step": 9' + b"9" * 30 + b"}",
        b'{"step": 2,\r"loss": 1e\r5}',
        b"[" * 10**5,
    ),
    *(b'{"step": 2, "seconds": [1]}', b'{"step": ' + b"9" * 5000 + b"}", b"", b"\r"),
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad[:30]))
def test_a_bad_line_is_named_and_the_steps_after_it_are_read(tmp_path, capsys, bad):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n' + bad + b'\n{"step": 3}\n')
    assert [row["step"] for row in read_metrics(path)] == [1, 3]
    assert f"{path}, line 2" in capsys.readouterr().out
    assert metric_lines(tmp_path) == [b'{"step": 1}\n', b'{"step": 3}\n']


def test_values_of_a_step_are_numbers_nothing_or_lists(tmp_path):
    row = b'{"step": 1, "loss": NaN, "reward": null, "entropy_histogram": [1, 2], "seconds": 1.5}\n'
    (tmp_path / "metrics.jsonl").write_bytes(row)
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 1


def test_a_last_line_that_a_kill_cut_short_is_left_out_without_a_word(tmp_path, capsys):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 1}\n{"step": 2, "lo')
    assert [row["step"] for row in read_metrics(path)] == [1]
    assert capsys.readouterr().out == ""
