"""Fixtures of the tests of the evaluation: entries of the shipped table, and TSV files."""

import base64
import io
import json
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from r1v3.recipe.tables.benchmarks import load_table

TABLE = Path(__file__).parents[3] / "config" / "benchmarks.yaml"


@pytest.fixture(scope="session")
def table():
    return load_table(TABLE)


@pytest.fixture(scope="session")
def picture():
    """Return a function that makes a picture of one colour as base64, from the colour's name."""

    def draw(colour: str = "red") -> str:
        buffer = io.BytesIO()
        Image.new("RGB", (4, 4), colour).save(buffer, format="PNG")
        return base64.b64encode(buffer.getvalue()).decode()

    return draw


@pytest.fixture
def tsv(tmp_path):
    """Return a function that writes rows as `<name>.tsv` and returns the path."""

    def write(rows: list[dict], name: str = "file") -> Path:
        path = tmp_path / f"{name}.tsv"
        pd.DataFrame(rows).fillna("").to_csv(path, sep="\t", index=False)
        return path

    return write


@pytest.fixture
def stored():
    """Return a function that writes answers as `answer` stores them: {(key, run): text}."""

    def write(folder: Path, name: str, answers: dict) -> Path:
        responses = folder / "responses"
        responses.mkdir(parents=True, exist_ok=True)
        with open(responses / f"{name}.0-of-1.jsonl", "w", encoding="utf-8") as file:
            for (key, run), text in answers.items():
                row = {"key": f"{name}/{key}", "run": run, "text": text, "finish_reason": "stop"}
                file.write(json.dumps({**row, "tokens": 3, "prompt_tokens": 7}) + "\n")
        return folder

    return write
