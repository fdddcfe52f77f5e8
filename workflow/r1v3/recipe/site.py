"""Reads `slurm/site.yaml`: what one cluster has and requires. It changes no result."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from r1v3.recipe.errors import RecipeError, explain
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.schema.section import Positive, Rate, Section


class Gpus(Section):
    """A node's GPUs. `model` is Slurm's name of their type, or `null` for any type."""

    model: str | None
    """Slurm's name of the GPU type; null: any."""
    per_node: Positive
    """GPUs of a node."""
    memory_gb: Rate
    """Memory of a GPU, in GB."""
    cpus_each: Positive
    """CPU cores for each GPU."""
    node_memory_gb_each: Positive
    """Memory of a node for each GPU, in GB."""
    price_per_hour: Annotated[float, Field(ge=0)]
    """Price of a GPU hour."""


class Site(Section):
    """A cluster."""

    account: str | None
    """Slurm's account; null: the user's own."""
    cpu_partition: str | None
    """Partition of jobs without a GPU; null: Slurm's choice."""
    gpu_partition: str | None
    """Partition of jobs with GPUs; null: Slurm's choice."""
    max_hours: Rate
    """The longest time that a job may ask for, in hours."""
    check_seconds: Positive
    """Seconds between two checks of the jobs."""
    save_minutes: Rate
    """Minutes before a job's end at which its state is saved."""
    python: str
    """The Python interpreter of jobs."""
    setup: str
    """Shell commands before each job."""
    environment: dict[str, str]
    """Environment variables of each job."""
    gpus: Gpus
    """The GPUs of a node."""


def read_site(content: dict[str, Any], path: Path = Path("slurm/site.yaml")) -> Site:
    """Return the site that a file's `site` section describes.

    Raises:
        RecipeError: with one line for each mistake.
    """
    try:
        return Site.model_validate(content)
    except ValidationError as error:
        raise RecipeError(explain(error, Site, content, lambda _: f"{path}: site")) from None


def load_site(root: Path) -> Site:
    """Read the site of a checkout.

    Raises:
        RecipeError: the file is missing, or has mistakes, with one line for each.
    """
    path = Path(root) / "slurm" / "site.yaml"
    return read_site(read_yaml(path).get("site", {}), path)
