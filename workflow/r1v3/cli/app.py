"""Collects all commands, and reports a mistake of the user in one sentence, without a traceback."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import TyperException

from r1v3.base.user_errors import SHOW, sentence
from r1v3.cli import (
    ablate,
    chaos,
    claims,
    data,
    evaluate,
    grade,
    mlflow,
    model,
    plan,
    preflight,
    provenance,
    runs,
    schemas,
    serve,
    start,
)

app = typer.Typer(
    help="Post-training of a vision-language model: plan, check, inspect and share runs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("plan")(plan.plan_command)
app.command("start")(start.start_command)
app.command("preflight")(preflight.preflight_command)
app.command("evaluate")(evaluate.evaluate_command)
app.command("pages")(evaluate.pages_command)
app.command("grade")(grade.grade_command)
app.command("explain")(grade.explain_command)
app.command("attack")(grade.attack_command)
app.add_typer(data.app, name="data")
app.add_typer(model.app, name="model")
app.add_typer(claims.app, name="claims")
app.command("ablate")(ablate.ablate_command)
app.command("browse")(runs.browse_command)
app.command("watch")(runs.watch_command)
app.command("figure")(runs.figure_command)
app.command("compare")(runs.compare_command)
app.command("trace")(provenance.trace_command)
app.command("status")(provenance.status_command)
app.command("verify")(provenance.verify_command)
app.command("snapshot")(provenance.snapshot_command)
app.command("prune")(provenance.prune_command)
app.command("crate")(provenance.crate_command)
app.command("push")(provenance.push_command)
app.command("ui")(mlflow.ui_command)
app.command("follow", hidden=True)(mlflow.follow_command)
app.command("serve")(serve.serve_command)
app.command("serve-reward")(serve.serve_reward_command)
app.command("chaos")(chaos.chaos_command)
app.command("schemas")(schemas.schemas_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(version("r1v3"))
        raise typer.Exit


@app.callback()
def all_commands(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="show the version"),
    ] = False,
) -> None:
    """Post-training of a vision-language model: plan, check, inspect and share runs."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process with its exit code.

    With `R1V3_TRACEBACK=1` an error shows its traceback.
    """
    try:
        code = app(args=arguments, prog_name="r1v3", standalone_mode=False)
    except TyperException as error:
        sys.stderr.write(f"r1v3: {error.format_message()} See `r1v3 --help`.\n")
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        if os.environ.get(SHOW):
            raise
        more = "" if isinstance(error, ValueError | OSError) else f"; {SHOW}=1 shows the traceback"
        sys.exit(f"r1v3: {sentence(error)}{more}")
    sys.exit(code if isinstance(code, int) else 0)
