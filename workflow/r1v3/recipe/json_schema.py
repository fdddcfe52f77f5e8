"""Makes JSON schemas of the YAML files from the pydantic models, so that editors complete and check them.

`r1v3 schemas` writes them to config/schemas/. The first line of each YAML file names its schema.
"""

import json
from pathlib import Path
from typing import Any, get_args

from pydantic import TypeAdapter

from r1v3.base.atomic_write import write_text
from r1v3.recipe.layers import OVER
from r1v3.recipe.schema.recipe import GrpoEntry, ModelEntry, Recipe, SftEntry
from r1v3.recipe.schema.studies import Claim, Study
from r1v3.recipe.schema.training import Grpo, Sft
from r1v3.recipe.site import Site
from r1v3.recipe.tables.benchmarks import ListedBenchmark, OwnBenchmark
from r1v3.recipe.tables.prices import Price
from r1v3.recipe.tables.sources import SourceEntry

Schema = dict[str, Any]
FOLDER = Path("config") / "schemas"
# Keys that an entry of the run table may have besides those of its stage.
RUN_KEYS: Schema = {
    "like": {
        "type": "string",
        "description": "The run whose entry is copied before `set` changes it.",
    },
    "grid": {
        "type": "object",
        "description": "Axes of a factorial study: for each key of the settings, labelled values.",
        "additionalProperties": {"type": "object"},
    },
}


def json_schemas() -> dict[str, Schema]:
    """Return the schema of each kind of file, by its name in config/schemas/ without the suffix."""
    return {
        "recipe": titled(schema_of(Recipe), "A complete recipe"),
        "recipe_overlay": titled(_overlay(), "What a recipe changes of paper.yaml"),
        "runs": mapping_of(_run_entry(), "The run table"),
        "benchmarks": mapping_of(_benchmark(), "The benchmark table"),
        "sources": mapping_of(_source(), "The source table"),
        "studies": mapping_of(schema_of(Study), "Studies"),
        "prices": mapping_of(schema_of(Price), "Prices"),
        "claims": mapping_of(schema_of(Claim), "Claims of the report"),
        "site": titled(_site(), "A cluster"),
    }


def write_schemas(root: Path, schemas: dict[str, Schema]) -> list[Path]:
    """Write schemas below a checkout, and return their paths."""
    paths = []
    for name, schema in schemas.items():
        path = Path(root) / FOLDER / f"{name}.json"
        write_text(path, schema_text(schema))
        paths.append(path)
    return paths


def schema_text(schema: Schema) -> str:
    """Return the text of a schema's file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def schema_of(kind: Any) -> Schema:
    """Return the schema of a pydantic model, or of a union of models."""
    return TypeAdapter(kind).json_schema()


def titled(schema: Schema, title: str) -> Schema:
    """Return a schema with a title and the standard that it follows."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema | {"title": title}


def mapping_of(entry: Schema, title: str) -> Schema:
    """Return the schema of a file that maps names to entries."""
    entry = dict(entry)
    definitions = entry.pop("$defs", {})
    table = {"type": "object", "additionalProperties": entry, "$defs": definitions}
    return titled(table, title)


def _benchmark() -> Schema:
    """Return the schema of a benchmark entry: a complete one, or a user's own short one, which has `file`."""
    whole, own = schema_of(ListedBenchmark), schema_of(OwnBenchmark)
    definitions = whole.pop("$defs") | own.pop("$defs")
    chosen = {"if": {"required": ["file"]}, "then": own, "else": whole}
    return {"type": "object", **chosen, "$defs": definitions}


def _source() -> Schema:
    """Return the schema of a source entry, whose `where` may be one place or a list of places."""
    source = schema_of(SourceEntry)
    where = source["properties"]["where"]
    described = where.pop("description")
    place: Schema = {"type": "string"}
    source["properties"]["where"] = {
        "anyOf": [where, place, {"type": "array", "items": place}],
        "description": described,
    }
    return source


def _run_entry() -> Schema:
    """Return the schema of a run entry: keys of all stages, none required, because `like` may give them."""
    entry: Schema = {"type": "object", "properties": dict(RUN_KEYS), "additionalProperties": False}
    definitions: Schema = {}
    for stage in (ModelEntry, SftEntry, GrpoEntry):
        schema = schema_of(stage)
        definitions |= schema.get("$defs", {})
        entry["properties"] |= schema["properties"]
    changes = [_partial(schema_of(settings)) for settings in (Sft, Grpo)]
    for each in changes:
        definitions |= each.pop("$defs")
    described = entry["properties"]["set"]["description"]
    entry["properties"]["set"] = {"anyOf": changes, "description": described}
    entry["properties"]["stage"] = {
        "enum": [_stage_of(run) for run in (ModelEntry, SftEntry, GrpoEntry)],
        "description": "The stage that makes the run.",
    }
    return entry | {"$defs": definitions}


def _stage_of(run: type[ModelEntry | SftEntry | GrpoEntry]) -> str:
    return get_args(run.model_fields["stage"].annotation)[0]


def _overlay() -> Schema:
    overlay = _partial(schema_of(Recipe))
    overlay["properties"][OVER] = {
        "type": "array",
        "items": {"type": "string"},
        "description": "Recipes that lie between paper.yaml and this one, in their order.",
    }
    return overlay


def _site() -> Schema:
    site = schema_of(Site)
    definitions = site.pop("$defs", {})
    return {"type": "object", "properties": {"site": site}, "$defs": definitions}


def _partial(schema: Any) -> Any:
    """Return a schema in which no key is required, because an overlay states only what differs."""
    if isinstance(schema, list):
        return [_partial(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    partial = {key: _partial(value) for key, value in schema.items() if key != "required"}
    if "oneOf" in partial:  # without required keys, several of them may fit
        partial["anyOf"] = partial.pop("oneOf")
        partial.pop("discriminator", None)
    return partial
