"""`r1v3 start`: checks, then the plan, then the run; a bad finding ends it before the first job."""

from pathlib import Path

import pytest

from r1v3.cli import main, start
from r1v3.cli.start import licence_lines, run_command
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]


@pytest.fixture
def called(monkeypatch):
    """Record the commands that are called, without running them."""
    commands: list[list[str]] = []

    def call(command: list[str], **_) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(start.subprocess, "call", call)
    monkeypatch.setattr(start, "slurm_answers", lambda: False)
    monkeypatch.setattr(start, "preflight_call", lambda *_: 0)
    monkeypatch.setattr(
        "r1v3.plan.report.report", lambda *_, nodes, price: (["in all 10 GPU hours"], True)
    )
    return commands


def call(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        main(["start", "--root", str(ROOT), *arguments])
    return ended.value.code


def test_it_begins_after_its_checks_with_the_recipe_of_one_gpu(called, capsys):
    assert call() == 0
    told = capsys.readouterr().out
    assert told.index("1. Licences") < told.index("3. Time") < told.index("in all 10 GPU hours")
    assert "k12_vista: not stated" in told
    run, show = called
    assert run[-2:] == ["--config", "recipe=open-1b"]
    assert "results/report.html" in show


def test_a_check_that_would_stop_a_run_ends_it_before_the_first_job(called, monkeypatch):
    monkeypatch.setattr(start, "preflight_call", lambda *_: 1)
    assert call() == 1
    assert called == []


def test_a_stage_that_does_not_fit_ends_it_before_the_first_job(called, monkeypatch):
    monkeypatch.setattr(
        "r1v3.plan.report.report", lambda *_, nodes, price: (["DOES NOT FIT"], False)
    )
    assert call("--recipe", "open-8b") == 1
    assert called == []


def test_it_can_end_after_the_checks(called):
    assert call("--no-begin") == 0
    assert called == []


def test_an_overlay_reaches_the_run_and_slurm_is_used_where_it_answers(monkeypatch):
    monkeypatch.setattr(start, "slurm_answers", lambda: True)
    command = run_command("open-8b", Path("mine.yaml"))
    assert command[command.index("--profile") + 1] == "slurm"
    assert command[-2:] == ["recipe=open-8b", "overlay=mine.yaml"]


def test_licences_that_are_ruled_out_are_told_with_what_takes_their_place():
    overlay = ROOT / "config/overlays/permissive.yaml"
    lines = licence_lines(load_project(ROOT, "open-1b", overlay))
    assert "math_normal: mmk12: not stated: left out" in lines
    assert "math_normal: geometry3k: MIT" in lines
