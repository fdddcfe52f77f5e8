"""The prompt template that a run trains with."""

from r1v3.recipe.graph.configs import ShownConfig
from r1v3.recipe.schema.recipe import Template


def recipe_template(config: ShownConfig) -> Template:
    """The recipe's template.

    Raises:
        ValueError: the model keeps a template of its own, which only evaluation knows.
    """
    if not isinstance(config.template, Template):
        raise ValueError(f"{config.name}: only an evaluation may use the model's own template")
    return config.template
