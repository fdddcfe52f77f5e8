"""Reads small files of results and checks their types: `config.json` and the stable names of runs.

The hash of a config is checked elsewhere (`recipe.outputs.stage`). JSON of the wrong types gives the same
kind of error as a damaged file.
"""

from pathlib import Path
from typing import Any

from r1v3.base.json_file import MADE_AGAIN, read_json
from r1v3.recipe.graph.identity import RESOLVED


def read_config_file(config_json: Path, *keys: str) -> dict[str, Any]:
    """Return the content of a result's `config.json`: kind and name as text, the resolved config, and `keys`.

    Raises:
        ValueError: the file is damaged or has wrong types; the message names it.
    """
    content = read_json(config_json, "kind", *keys)
    for key, kind in (("kind", str), ("name", str), (RESOLVED, dict)):
        if not isinstance(content.get(key, kind()), kind):
            raise ValueError(f"{config_json}: damaged; {key} is no {kind.__name__}; {MADE_AGAIN}")
    return content


def read_resolved(config_json: Path) -> dict[str, Any]:
    """Return the resolved config of a result.

    Raises:
        ValueError: the file is damaged or holds no resolved config; the message names it.
    """
    resolved = read_json(config_json, RESOLVED)[RESOLVED]
    if not isinstance(resolved, dict):
        raise ValueError(f"{config_json}: damaged; {RESOLVED} is no mapping; {MADE_AGAIN}")
    return resolved


def folder_named(stable: Path) -> Path:
    """Return the folder of a run that a stable name, `results/runs/<run>.json`, refers to.

    Raises:
        ValueError: the file is damaged or names no folder; the message names it.
    """
    folder = read_json(stable, "folder")["folder"]
    if not isinstance(folder, str) or not folder.isprintable() or not folder:
        raise ValueError(f"{stable}: damaged; folder is no path; {MADE_AGAIN}")
    return Path(folder)
