"""Writes the exact messages of one row of each benchmark under both protocols to `tests/data/prompts/`.

Each file names the source of the prompt. After an intended change, renew the files and read the difference:

    PYTHONPATH=workflow:tests/unit python tests/unit/golden_prompts.py
"""

import base64
import io
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from benchmark_rows import ROWS
from PIL import Image

from r1v3.evaluate.answer import benchmark_requests
from r1v3.evaluate.exchange.names import PEERS
from r1v3.evaluate.protocols import sampling_of_benchmark
from r1v3.generate.server.engine import IMAGE_MARKER
from r1v3.model.chat_template import renderer
from r1v3.model.prompt_template import read_prompt
from r1v3.recipe.graph.configs import EvaluationConfig, EvaluationSettings
from r1v3.recipe.load import Project, load_project

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests/data/prompts"
COLOURS = ("red", "blue", "green")
PROTOCOLS = ("report", "released")


def messages_of(prompt: str) -> list[dict[str, Any]]:
    """Return the turns of a prompt; a text is a list of its lines, and a picture is its number."""
    shown = 0
    turns = []
    for role, text in read_prompt(prompt):
        content: list[dict[str, Any]] = []
        for number, piece in enumerate(text.split(IMAGE_MARKER)):
            if number:
                shown += 1
                content.append({"picture": shown})
            if piece:
                content.append({"text": piece.split("\n")})
        turns.append({"role": role, "content": content})
    return turns


def golden(name: str, project: Project) -> dict[str, Any]:
    """Return the prompt of a benchmark's first row, and how it is sampled, under each protocol."""
    entry = project.benchmarks[name]
    row = dict(ROWS[name])
    pictures = [_png(colour) for colour in COLOURS[: row.pop("pictures", 1)]]
    row["image"] = pictures[0] if len(pictures) == 1 else str(pictures)
    found = {}
    for protocol in PROTOCOLS:
        config = _config(project, protocol)
        with tempfile.TemporaryDirectory() as folder:
            tsv = Path(folder) / f"{name}.tsv"
            pd.DataFrame([row]).to_csv(tsv, sep="\t", index=False)
            render = renderer(config.template, tsv.parent)
            request = next(benchmark_requests(config, render, name, entry, tsv))
        sampling = asdict(sampling_of_benchmark(config.evaluation, entry))
        kept = ("temperature", "top_p", "max_new_tokens", "samples")
        found[protocol] = {
            "who judges": f"a model {entry.judge}" if protocol == "report" else entry.released.rule,
            "sampling": {key: sampling[key] for key in kept},
            "messages": messages_of(request.prompt),
        }
    return {"source": PEERS[name].source, "row": ROWS[name], **found}


def _config(project: Project, protocol: str) -> EvaluationConfig:
    recipe = project.recipe
    settings = recipe.evaluation.model_copy(update={"protocol": protocol})
    return EvaluationConfig.model_validate(
        {
            "version": 1,
            "name": "golden",
            "seed": recipe.seed,
            "template": recipe.template.model_dump(),
            "images": recipe.images.model_dump(),
            "generation": recipe.generation.model_dump(exclude={"parity"}),
            "grading": recipe.grading.model_dump(),
            "evaluation": settings.model_dump(include=set(EvaluationSettings.model_fields)),
            "run": "golden",
            "checkpoint": "last",
            "selection": None,
            "suite": "golden",
            "benchmarks": {},
            "entries": {},
            "held_out": {},
        }
    )


def _png(colour: str) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def written(name: str, project: Project) -> str:
    """Return the text of a benchmark's golden file."""
    return json.dumps(golden(name, project), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    project = load_project(ROOT, "paper")
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in project.benchmarks:
        (GOLDEN / f"{name}.json").write_text(written(name, project), encoding="utf-8")
    print(f"renewed {len(project.benchmarks)} files in {GOLDEN.relative_to(ROOT)}; read `git diff`")


if __name__ == "__main__":
    main()
