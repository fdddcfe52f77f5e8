"""JSON schemas of the plan's own files, beside those of `r1v3.recipe.json_schema`."""

from r1v3.plan.costs import Costs
from r1v3.plan.qwen_sizes import QwenSizes
from r1v3.plan.shapes import ModelSizes
from r1v3.recipe.json_schema import Schema, mapping_of, schema_of, titled


def plan_schemas() -> dict[str, Schema]:
    """Return the schema of each file of constants, by its name in config/schemas/ without the suffix."""
    return {
        "costs": titled(schema_of(Costs), "Constants of the plan"),
        "shapes": mapping_of(schema_of(ModelSizes | QwenSizes), "Sizes of models"),
    }
