"""`r1v3 serve` and `r1v3 serve-reward`: serves a checkpoint or a reward model on this machine."""

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
    from r1v3.generate.server.serve import serve_checkpoint
    from r1v3.recipe.load import load_project

    chosen = load_project(root, recipe).recipe
    serve_checkpoint(
        model,
        chosen.images,
        chosen.template if template == "recipe" else None,
        key_file=key_file,
        port=port,
        rows=rows,
    )


def serve_reward_command(
    model: Annotated[
        Path,
        typer.Argument(help="the folder of a Qwen2.5-VL with a value head (Skywork-VL-Reward)"),
    ],
    key_file: Annotated[Path, typer.Option(help="file for a new key")],
    recipe: Recipe = "tiny",
    root: Root = HERE,
    name: Annotated[
        str | None, typer.Option(help="what clients call the model; the folder's name if left out")
    ] = None,
    port: Annotated[int, typer.Option()] = 8001,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1")] = "auto",
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16"],
        typer.Option(help="number format; auto is bfloat16 on CUDA, else float32"),
    ] = "auto",
    batch: Annotated[int, typer.Option(help="most conversations of a forward pass")] = 8,
    batch_tokens: Annotated[int, typer.Option(help="most tokens of it, padding included")] = 32768,
    max_tokens: Annotated[
        int | None, typer.Option(help="longest conversation; as the model allows if left out")
    ] = None,
    timeout: Annotated[
        float, typer.Option(help="seconds after which a request without a score is given up")
    ] = 240.0,
    cache: Annotated[
        Path | None, typer.Option(help="folder of scores that are not computed again")
    ] = None,
) -> None:
    """Serve a reward model on loopback, protected by a new key.

    Then: export R1V3_REWARD_URL=http://127.0.0.1:8001/v1 R1V3_REWARD_KEY=$(cat KEY_FILE)
    """
    from r1v3.recipe.load import load_project
    from r1v3.reward.reward_model.serve import serve_reward
    from r1v3.reward.reward_model.service import ServiceLimits

    max_pixels = load_project(root, recipe).recipe.images.max_pixels
    serve_reward(
        model,
        ServiceLimits(batch, batch_tokens, timeout, max_pixels),
        name=name or model.resolve().name,
        key_file=key_file,
        port=port,
        device=device,
        dtype=dtype,
        max_tokens=max_tokens,
        cache=cache,
    )
