"""The command line as a whole: what it imports, and how it reports mistakes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from r1v3.cli import main

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "transformers", "snakemake", "mlflow", "pandas", "dvc")


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


def test_the_command_line_imports_nothing_heavy():
    shown = subprocess.run(
        [sys.executable, "-c", "import sys, r1v3.cli; print(*sys.modules)"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "workflow")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "r1v3.cli.app" in shown
    assert not set(HEAVY) & set(shown)


def test_help_lists_the_commands_and_hides_what_programs_start(capsys):
    assert call("--help") == 0
    shown = capsys.readouterr().out
    commands = "plan preflight evaluate pages grade explain data browse figure compare trace"
    for command in [*commands.split(), "snapshot", "prune", "crate", "ui", "serve"]:
        assert f"\n  {command} " in shown
    assert "follow" not in shown


def test_an_unknown_command_is_told_in_one_line(capsys):
    assert call("evaluat") == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "No such command 'evaluat'" in told
    assert "evaluate" in told


def test_a_missing_file_is_told_in_one_line(capsys):
    code = call("figure", "nothing/rl.json", "--output", "x.svg")
    assert code.startswith("r1v3: nothing/rl.json: there is no run here; name a folder of")
    assert "\n" not in code


def test_a_folder_that_is_no_checkout_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call("plan", "--recipe", "tiny") == 2
    told = capsys.readouterr().err
    assert "has no config/recipes" in told
    assert "R1V3_ROOT" in told


def test_the_checkout_may_be_named_by_a_variable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("R1V3_ROOT", str(ROOT))
    code = call("compare", "no_such_run", "nor_this")
    assert str(code).startswith("r1v3: there is no finished run 'no_such_run'")


def test_an_unknown_recipe_is_told_with_what_is_allowed(monkeypatch):
    monkeypatch.chdir(ROOT)
    told = str(call("plan", "--recipe", "tinny"))
    assert "there is no recipe 'tinny'" in told
    assert "did you mean 'tiny'?" in told


@pytest.mark.parametrize("option", [["--json"], ["--seeds", "3"], ["--seed-spread", "0.02"]])
def test_an_option_of_plan_that_would_do_nothing_is_refused(option, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert call("plan", "--recipe", "tiny", *option) == 2
    assert "--json, --seeds and --seed-spread go with --studies" in capsys.readouterr().err


def test_a_constant_without_a_value_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("")
    assert "FIELD=VALUE is expected" in str(call("data", "check", str(rows), "--constant", "x"))


def test_a_shell_completes_commands():
    done = subprocess.run(
        [sys.executable, "-m", "r1v3"],
        env=os.environ
        | {
            "PYTHONPATH": str(ROOT / "workflow"),
            "_R1V3_COMPLETE": "complete_bash",
            "COMP_WORDS": "r1v3 eval",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["evaluate"]
