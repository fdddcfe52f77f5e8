"""Reads `config.json` of a result's folder, without its hash check (`recipe.outputs.stage` has that)."""

from pathlib import Path
from typing import Any

from r1v3.base.json_file import read_json
from r1v3.recipe.graph.identity import RESOLVED


def read_resolved(config_json: Path) -> dict[str, Any]:
    """The resolved config of a result.

    Raises:
        ValueError: the file is damaged or holds no resolved config; the message names it.
    """
    return read_json(config_json, RESOLVED)[RESOLVED]
