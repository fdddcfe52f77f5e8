r"""Score any model on the recipe's benchmarks, outside the run table.

python -m r1v3.evaluate --model results/runs/final-0123456789/checkpoints/step-000100
python -m r1v3.evaluate --recipe paper --model Skywork/Skywork-R1V3-38B --benchmarks mmmu_val mathvista_mini

A model is a folder, a Hugging Face id (`id@revision` for a revision), or the address of an
OpenAI-compatible endpoint. Answers, verdicts and scores go to results/evaluations/<model>/, continue where
they stopped, and a benchmark added later is asked alone.
"""

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

from r1v3.evaluate.generate import answer
from r1v3.evaluate.score import score
from r1v3.evaluate.source import obtain_benchmark
from r1v3.evaluate.table import load_table
from r1v3.evaluate.tables import markdown, table_1, write_tables

ROOT = Path(__file__).resolve().parents[3]
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(?:@[\w.-]+)?")


def find_model(text: str) -> str | Path:
    """A model's folder, downloaded if need be, or the address of an endpoint as it is.

    Raises:
        ValueError: the text names neither a folder, nor an id, nor an address.
    """
    if text.startswith(("http://", "https://")):
        return text
    if (Path(text) / "config.json").is_file():
        return Path(text)
    if HUB_ID.fullmatch(text) and not Path(text).exists():
        from huggingface_hub import snapshot_download

        name, _, revision = text.partition("@")
        return Path(snapshot_download(name, revision=revision or None))
    raise ValueError(
        f"--model {text}: a folder with config.json, a Hugging Face id or an http address is expected"
    )


def model_name(text: str) -> str:
    """A name for the results' folder."""
    return re.sub(r"[^\w.-]+", "_", text.removeprefix("https://").removeprefix("http://")).strip(
        "_"
    )


def evaluate(arguments: argparse.Namespace) -> dict:
    """Fetch benchmarks, ask, score; returns the scores."""
    from r1v3.recipe.identity import Documents, canonical
    from r1v3.recipe.load import load_project

    project = load_project(ROOT, arguments.recipe)
    documents, settings = Documents(project), project.recipe.evaluation
    names = arguments.benchmarks or settings.benchmarks
    unknown = [name for name in names if name not in project.benchmarks]
    if unknown:
        allowed = ", ".join(project.benchmarks)
        raise ValueError(f"--benchmarks {' '.join(unknown)}: must be among {allowed}")
    paths, ids = {}, {}
    for name in names:
        node = documents.benchmark(name)
        folder = ROOT / node.folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(node.config, indent=1, ensure_ascii=False))
        if not (folder / f"{name}.tsv").exists():
            obtain_benchmark(node.document, folder)
        paths[name], ids[name] = folder / f"{name}.tsv", node.id
    generation = project.recipe.generation.model_dump()
    if arguments.mode:
        generation["mode"] = arguments.mode
    if arguments.model.startswith(("http://", "https://")):
        generation["engine"] = "server"
    document = {
        "seed": project.recipe.seed,
        "template": project.recipe.template.model_dump(),
        "images": project.recipe.images.model_dump(),
        "generation": generation,
        "grading": project.recipe.grading.model_dump(),
        "evaluation": settings.model_dump(exclude={"benchmarks", "items", "source", "held_out"}),
        "benchmarks": ids,
        "model": arguments.model,
    }
    name = arguments.name or model_name(arguments.model)
    digest = hashlib.sha256(canonical(document).encode()).hexdigest()[:10]
    folder = ROOT / "results/evaluations" / name / f"{arguments.recipe}-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    config = json.dumps({"kind": "evaluation", "name": name, "document": document}, indent=1)
    (folder / "config.json").write_text(config)
    model = find_model(arguments.model)
    where = {"benchmarks": paths, "held_out": {}, "folder": folder}
    answer(document, model=model, **where)
    found = score(document, responses=folder, **where)["benchmarks"]
    table = load_table(ROOT / "config/benchmarks.yaml")
    grid = table_1(table, {name: found}, miniature=settings.source == "miniature")
    write_tables(grid, folder)
    print(markdown(grid))
    print(f"scores, verdicts and tables: {folder.relative_to(ROOT)}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m r1v3.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--benchmarks", nargs="+", help="some of the recipe's; all if left out")
    parser.add_argument(
        "--mode", choices=("slow", "nothink", "nowait"), help="the recipe's if left out"
    )
    parser.add_argument("--name", help="of the results' folder")
    try:
        evaluate(parser.parse_args())
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
