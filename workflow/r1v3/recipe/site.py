"""The site: what one cluster has and wants, `slurm/site.yaml`. Nothing of it changes a result."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from r1v3.recipe.errors import RecipeError, explain
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.schema.section import Positive, Rate, Section


class Gpus(Section):
    """A node's GPUs. `model` is Slurm's name of their type, `null` where any will do."""

    model: str | None
    per_node: Positive
    memory_gb: Rate
    cpus_each: Positive
    node_memory_gb_each: Positive
    price_per_hour: Annotated[float, Field(ge=0)]


class Site(Section):
    """A cluster."""

    account: str | None
    cpu_partition: str | None
    gpu_partition: str | None
    max_hours: Rate
    check_seconds: Positive
    save_minutes: Rate
    python: str
    setup: str
    environment: dict[str, str]
    gpus: Gpus


def read_site(content: dict[str, Any], path: Path = Path("slurm/site.yaml")) -> Site:
    """The site that a file's `site` section describes.

    Raises:
        RecipeError: with one line for each mistake.
    """
    try:
        return Site.model_validate(content)
    except ValidationError as error:
        raise RecipeError(explain(error, Site, content, lambda _: f"{path}: site")) from None


def load_site(root: Path) -> Site:
    """The site of a checkout.

    Raises:
        RecipeError: the file is missing, or with one line for each mistake.
    """
    path = Path(root) / "slurm" / "site.yaml"
    return read_site(read_yaml(path).get("site", {}), path)
