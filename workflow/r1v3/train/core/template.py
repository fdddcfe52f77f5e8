"""The prompt template that a run trains with."""

from r1v3.recipe.graph.configs import ShownConfig
from r1v3.recipe.schema.recipe import Template


def recipe_template(config: ShownConfig) -> Template:
    """Return the prompt template of the recipe.

    Raises:
        ValueError: the recipe uses the model's own template, which is for evaluation only.
    """
    if not isinstance(config.template, Template):
        raise ValueError(f"{config.name}: only an evaluation may use the model's own template")
    return config.template
