"""`r1v3 model`: says what a checkpoint is, and changes its layout."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from r1v3.cli.options import HERE, Root

app = typer.Typer(help="Checkpoints of other people: check, convert, export.", no_args_is_help=True)


@app.command("check")
def check_model_command(
    model: Annotated[str, typer.Argument(help="a folder, or a hub's id (id@revision)")],
    root: Root = HERE,
) -> None:
    """Say what a checkpoint is and what can be done with it, from its config.json alone.

    The exit code is 1 if it cannot be opened here.
    """
    from r1v3.plan.model_check import check_model

    lines, fine = check_model(root, model)
    print("\n".join(lines))
    raise typer.Exit(0 if fine else 1)


@app.command("convert")
def convert_command(
    source: Annotated[str, typer.Argument(help="a folder, or a hub's id (id@revision)")],
    target: Annotated[Path, typer.Argument(help="the folder to write")],
) -> None:
    """Write a checkpoint of any supported layout in the HF-native layout."""
    from r1v3.model.obtain import obtain_checkpoint

    name, _, revision = source.partition("@") if not Path(source).is_dir() else (source, "", "")
    _check_new(target)
    print(obtain_checkpoint(name, revision or None, target))


@app.command("export")
def export_command(
    source: Annotated[Path, typer.Argument(help="a checkpoint's folder")],
    target: Annotated[Path, typer.Argument(help="the folder to write")],
    layout: Annotated[
        Literal["internvl_chat"], typer.Option(help="the layout of InternVL's own code")
    ],
) -> None:
    """Write a checkpoint in its authors' layout, for VLMEvalKit, lmdeploy and the authors' scripts."""
    from r1v3.model.layouts.internvl_chat_folder import export_checkpoint

    _check_new(target)
    print(export_checkpoint(source, target), f"({layout})")


def _check_new(target: Path) -> None:
    """Refuse a folder that has files, because it must not be replaced."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{target}: exists already; name a new folder")
