"""A bad line of metrics.jsonl does not end a curve."""

import os

import pytest

from r1v3.analyze.mlflow.publish import metric_lines
from r1v3.train.core.metrics import MetricsLog, copy_of, read_metrics

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


def written(folder, steps=6):
    """Write a log with a second file, as a killed run leaves it."""
    path = folder / "metrics.jsonl"
    log = MetricsLog(path, copy=copy_of(path))
    for step in range(1, steps + 1):
        log.write(step, loss=1 / step, kept=[step, None], odd=float("nan"))
    return path, path.read_bytes()


def flipped(data):
    return data.replace(b"0.3333", b"0.3433")  # still a step, with another number


DAMAGE = {
    "cut": lambda data: data[: len(data) // 3],
    "zeros": lambda data: data[:70] + bytes(40) + data[110:],
    "another number": flipped,
    "empty": lambda data: b"",
    "lost": None,
}


@pytest.mark.parametrize("of", ["the log", "its copy"])
@pytest.mark.parametrize("way", DAMAGE)
def test_a_resumed_run_has_its_whole_curve_though_one_of_its_two_files_is_damaged(
    tmp_path, way, of, capsys
):
    path, whole = written(tmp_path)
    hurt = path if of == "the log" else copy_of(path)
    if DAMAGE[way] is None:
        hurt.unlink()
    else:
        changed = DAMAGE[way](hurt.read_bytes())
        assert changed != hurt.read_bytes()
        hurt.write_bytes(changed)
    MetricsLog(path, keep_through=6, copy=copy_of(path))
    assert path.read_bytes() == whole
    assert ("are taken from" in capsys.readouterr().out) == (of == "the log")
    path.unlink()
    MetricsLog(path, keep_through=6, copy=copy_of(path))
    assert path.read_bytes() == whole  # the copy was made whole too


def test_steps_after_the_restored_one_leave_both_files(tmp_path):
    path, whole = written(tmp_path)
    log = MetricsLog(path, keep_through=4, copy=copy_of(path))
    assert path.read_bytes().splitlines() == whole.splitlines()[:4]
    log.write(5, loss=0.5)
    path.unlink()
    MetricsLog(path, keep_through=6, copy=copy_of(path))
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3, 4, 5]
    assert read_metrics(path)[-1]["loss"] == 0.5


def test_a_new_start_keeps_no_step(tmp_path):
    path, _ = written(tmp_path)
    MetricsLog(path, copy=copy_of(path))
    assert path.read_bytes() == copy_of(path).read_bytes() == b""


def test_a_pipe_in_place_of_the_curve_is_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "metrics.jsonl")
    with pytest.raises(ValueError, match=r"metrics\.jsonl: damaged; a file of steps is expected"):
        read_metrics(tmp_path / "metrics.jsonl")
