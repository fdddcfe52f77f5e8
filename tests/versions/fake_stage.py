"""Replaces every script of workflow/scripts: writes the outputs of its rule at once, without a model.

A training run writes a checkpoint of bytes that depend on its hash, a data set writes a picture, and an
evaluation writes its answers. So versions, times and links are tested on a whole graph.
"""

import json
import sys
from pathlib import Path

from r1v3.recipe.outputs.manifest import write_json, write_manifest
from r1v3.recipe.outputs.stage import own_files, vouched


def option(name: str) -> str | None:
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


def fill(folder: Path, config: dict) -> dict:
    """Write bytes for DVC, and return the facts that later rules and the summary need."""
    content = f"{config['name']}-{config['hash']}\n"
    if config["kind"] in ("model", "sft", "grpo"):
        checkpoint = folder / "checkpoints" / "step-000001"
        checkpoint.mkdir(parents=True, exist_ok=True)
        (checkpoint / "model.safetensors").write_text(content * 100)
        (folder / "metrics.jsonl").write_text('{"step": 1, "loss": 0.5, "seconds": 1.0}\n')
        path = "checkpoints/step-000001"
        return {"steps": 1, "checkpoints": [{"step": 1, "path": path}], "last": path, "best": None}
    if config["kind"] == "data":
        (folder / "images" / "aa").mkdir(parents=True, exist_ok=True)
        (folder / "images" / "aa" / "one.png").write_text(content)
    part = folder / ("responses" if config["kind"] == "evaluation" else "records")
    part.mkdir(exist_ok=True)
    (part / "all.jsonl").write_text(content)
    return {}


def main() -> None:
    if manifest := option("--manifest"):
        path = Path(manifest)
        own_files(path.parent)
        config = json.loads((path.parent / "config.json").read_text())
        facts = fill(path.parent, config)
        write_manifest(path, config=config, files=vouched(path), facts=facts)
    elif folder := option("--folder"):
        for name in ("grpo.csv", "checkpoints.csv"):
            Path(folder).mkdir(exist_ok=True)
            columns = "step,reward,accuracy,format,response_length,critical_token_entropy,mmmu_val"
            (Path(folder) / name).write_text(f"{columns}\n1,0,0,0,9,1.5,0.3\n2,1,1,1,8,1.2,0.4\n")
    elif output := option("--output"):
        if output.endswith(".html"):
            Path(output).write_text("<html>")
            if output.endswith("pages/index.html"):
                (Path(output).parent / "errors").mkdir(exist_ok=True)
                (Path(output).parent / "errors" / "mmstar.html").write_text("<html>errors")
                (Path(output).parent / "figure_1.svg").write_text("<svg/>")
        elif output.endswith("scores.json"):
            write_json(Path(output), {"accuracy": 0.5})
        else:
            # `models` and `benchmarks` as in the summary, which `make demo` prints.
            write_json(Path(output), {"models": {}, "benchmarks": {}, "score": 0.5})


if __name__ == "__main__":
    main()
