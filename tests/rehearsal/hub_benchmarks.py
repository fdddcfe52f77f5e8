"""Writes small copies of the benchmarks in their published layout: files at URLs, and data sets of a hub.

Rows are drawn by `r1v3.evaluate.miniature`, whose columns are the published ones. GAOKAO's file, which its
users supply, is not among them. So a rehearsal shows how the other nineteen are scored without it.
"""

import ast
import base64
import csv
import io
import re
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

from r1v3.evaluate.miniature.write import write_miniature
from r1v3.recipe.graph.configs import MiniatureFile
from r1v3.recipe.tables.benchmarks import HubSource, UrlSource, load_table

csv.field_size_limit(sys.maxsize)
PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def write_benchmarks(table: Path, plain: Path, datasets: Path, items: int) -> None:
    """Write every benchmark of a table with at least `items` items.

    Args:
        table: config/benchmarks.yaml.
        plain: folder for files that are published at URLs.
        datasets: folder for data sets, by id.
    """
    for name, entry in load_table(table).items():
        drawn = plain.parent / "drawn" / f"{name}.tsv"
        drawn.parent.mkdir(parents=True, exist_ok=True)
        file = MiniatureFile(
            made_from="miniature",
            domains=entry.miniature.domains,
            tasks=entry.miniature.tasks,
            items=items,
        )
        write_miniature(name, file, 1, drawn)
        if isinstance(entry.source, UrlSource):
            plain.mkdir(parents=True, exist_ok=True)
            (plain / entry.source.url.rpartition("/")[2]).write_bytes(drawn.read_bytes())
        elif isinstance(entry.source, HubSource):
            _write_dataset(drawn, entry.source, datasets / entry.source.id)


def served_table(text: str, url: str) -> str:
    """Return a benchmark table with the URLs of a hub, without the checksums of the published files."""
    text = re.sub(r'https://opencompass[^"]*/([^"/]+)"', rf'{url}/files/\1"', text)
    return re.sub(r"md5: [0-9a-f]{32}", "md5: null", text)


def _write_dataset(drawn: Path, source: HubSource, folder: Path) -> None:
    theirs = {ours: name for name, ours in source.columns.items()}
    with open(drawn, encoding="utf-8", newline="") as file:
        rows = [
            {theirs.get(key, key): value for key, value in row.items()}
            for row in csv.DictReader(file, delimiter="\t")
        ]
    for part, name in enumerate(source.files):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = rows[part :: len(source.files)]
        if path.suffix == ".parquet":
            # EMMA's columns are image_1 to image_5, MMK12's is image.
            several = len(source.files) > 1
            path.write_bytes(_parquet([_with_bytes(row, several=several) for row in mine]))
        else:
            _tsv(mine, path)


def _with_bytes(row: dict[str, str], *, several: bool) -> dict[str, object]:
    cell = row["image"]
    texts = ast.literal_eval(cell) if cell.startswith("[") else [cell] if cell else []
    pictures = [{"bytes": base64.b64decode(text), "path": None} for text in texts]
    rest: dict[str, object] = {key: value for key, value in row.items() if key != "image"}
    if not several:
        return rest | {"image": pictures[0]}
    padded = [*pictures, *[None] * (5 - len(pictures))]
    return rest | {f"image_{number}": each for number, each in enumerate(padded, 1)}


def _parquet(rows: list[dict[str, object]]) -> bytes:
    kinds = [(n, PICTURE if n.startswith("image") else pa.string()) for n in rows[0]]
    buffer = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema=pa.schema(kinds)), buffer)
    return buffer.getvalue()


def _tsv(rows: list[dict[str, str]], path: Path) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), delimiter="\t")
        table.writeheader()
        table.writerows(rows)
