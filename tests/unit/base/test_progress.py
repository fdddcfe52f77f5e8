"""A bar on a terminal, plain lines elsewhere."""

import io

from r1v3.base.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_plain_lines_and_always_the_last(capsys):
    progress = Progress(4, "sft: step", every=1000.0)
    for _ in range(4):
        progress.advance(loss=0.123456)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("sft: step 4/4  ")
    assert lines[0].endswith(" s left  loss 0.1235")


def test_what_was_there_before_does_not_count_in_the_rate(capsys):
    progress = Progress(10, "probe", every=0.0)
    progress.resume(9)
    progress.start -= 1.0
    progress.advance()
    line = capsys.readouterr().err
    assert line.startswith("probe: item 10/10  1.0/s  0 s left")


def test_the_first_unit_which_waits_for_the_start_tells_no_time(capsys):
    progress = Progress(3, "prepare: row", every=0.0)
    progress.start -= 1000.0
    for _ in range(2):
        progress.advance()
    progress.start -= 1.0
    progress.advance()
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == "prepare: row 1/3"
    assert "/s  0 s left" in second
    assert third == "prepare: row 3/3  2.0/s  0 s left"


def test_more_units_than_were_expected_neither_fill_the_log_nor_leave_less_than_nothing(capsys):
    progress = Progress(2, "prepare: row", every=1000.0)
    for _ in range(50):
        progress.advance()
    assert len(capsys.readouterr().err.splitlines()) == 1
    progress.every = 0.0
    progress.advance()
    line = capsys.readouterr().err
    assert line.startswith("prepare: row 51  ")
    assert "left" not in line


def test_a_terminal_gets_one_bar_even_where_libraries_bars_are_off(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    progress = Progress(4, "sft: step")
    progress.resume(2)
    for _ in range(2):
        progress.advance(loss=0.5)
    shown = terminal.getvalue()
    assert "sft: 100%" in shown
    assert "4/4" in shown
    assert "loss=0.5" in shown
    assert shown.count("\n") == 1
