"""Messages if no job can be submitted to Slurm."""

import pytest

from r1v3.cluster.controller import why_no_slurm


def place(folder, script, monkeypatch):
    """Put `sinfo` on an otherwise empty PATH."""
    (folder / "sinfo").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "sinfo").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo 'Unable to contact slurm controller' >&2; exit 1", "(Unable to contact slurm controller)"),
     ("exit 0", "(it names no node)")],
)  # fmt: skip
def test_a_controller_that_does_not_answer_is_told_in_its_own_words(
    tmp_path, monkeypatch, script, said
):
    place(tmp_path, script, monkeypatch)
    reason = why_no_slurm()
    assert said in reason
    assert "--profile slurm" in reason


def test_a_machine_without_slurm_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "there is no Slurm on this machine" in why_no_slurm()


def test_where_it_answers_nothing_is_said(tmp_path, monkeypatch):
    place(tmp_path, "echo 'cpu* up infinite 1 idle node1'", monkeypatch)
    assert why_no_slurm() is None
