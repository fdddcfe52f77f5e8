"""`r1v3 serve`: a checkpoint behind vLLM's OpenAI-compatible server."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from r1v3.cli.options import HERE, Recipe, Root


def serve_command(
    model: Annotated[Path, typer.Argument(help="a checkpoint's folder")],
    key_file: Annotated[Path, typer.Option(help="file for a new key")],
    recipe: Recipe = "tiny",
    root: Root = HERE,
    template: Annotated[
        Literal["recipe", "own"],
        typer.Option(help="the chat template of the recipe, or that of the model"),
    ] = "recipe",
    port: Annotated[int, typer.Option()] = 8000,
    rows: Annotated[int, typer.Option(help="samples that decode at once")] = 256,
) -> None:
    """Serve a checkpoint on loopback, protected by a new key.

    Then: export R1V3_SERVER_URL=http://127.0.0.1:8000/v1 R1V3_SERVER_KEY=$(cat KEY_FILE)
    """
    from r1v3.generate.server.serve import serve
    from r1v3.recipe.load import load_project

    chosen = load_project(root, recipe).recipe
    serve(
        model,
        chosen.images,
        chosen.template if template == "recipe" else None,
        key_file=key_file,
        port=port,
        rows=rows,
    )
