"""`r1v3 schemas`: writes JSON schemas of the YAML files, for editors."""

from r1v3.cli.options import HERE, Root


def schemas_command(root: Root = HERE) -> None:
    """Write the JSON schemas of the YAML files to config/schemas."""
    from r1v3.plan.json_schema import plan_schemas
    from r1v3.recipe.json_schema import json_schemas, write_schemas

    for path in write_schemas(root, json_schemas() | plan_schemas()):
        print(path)
