"""Time prompt building and scoring of all 20 benchmarks at their published size, with five runs each.

Writes files with the published numbers of items (drawn from the tiny world, so the pictures are small), and
answers with thoughts of about 2,000 characters, of which 60 % are right. Then times what an evaluation does
besides the engine. If VLMEvalKit is installed (`pip install --no-deps ms-vlmeval==0.0.20`), times its scoring
of the same first run too. Ends with one JSON line.

    .venv/bin/python perf/evaluate.py [--share 1.0] [--folder /tmp/r1v3-evaluate]
"""

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

import pandas as pd  # noqa: E402

from r1v3.base.memory import peak_rss  # noqa: E402
from r1v3.evaluate.items.load import load_asked, load_items  # noqa: E402
from r1v3.evaluate.items.source import obtain_benchmark  # noqa: E402
from r1v3.evaluate.score import score_evaluation  # noqa: E402
from r1v3.evaluate.vlmevalkit import is_installed, load_peer  # noqa: E402
from r1v3.recipe.graph.configs import (  # noqa: E402
    BenchmarkConfig,
    EvaluationConfig,
    EvaluationSettings,
)
from r1v3.recipe.load import load_project  # noqa: E402
from r1v3.recipe.tables.benchmarks import Benchmark, load_table  # noqa: E402

MINUTES = 10
MEMORY_MIB = 2_000
RIGHT = 0.6
THOUGHT = (
    "First read the cells: 3, 7, 1 and 4. The sum of the top is 3+7=10. Wait, the second may be a 1. "
    "Alternatively, option (B) would need $\\frac{10}{2}=5$, and so on. "
) * 12
CHOICES = ("mmmu_pro_standard", "mmstar", "phyx_mini_mc")
SAYINGS = ("\\boxed{{{x}}}", "The answer is {x}.", "**Answer: {x}**")


def write_files(root: Path, share: float) -> dict[str, Path]:
    """Write files of the published size, each beside its config, and return their paths."""
    paths = {}
    for name, entry in load_table(ROOT / "config/benchmarks.yaml").items():
        folder = root / f"{name}-0000000000"
        paths[name] = folder / f"{name}.tsv"
        if paths[name].exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        rows = max(20, round(share * (entry.questions or entry.items)))
        plan = entry.miniature.model_dump(include={"domains", "tasks"})
        file = {"made_from": "miniature", "items": rows, **plan}
        resolved = {"version": 1, "name": name, "seed": 0, "benchmark": name, "file": file}
        (folder / "config.json").write_text(json.dumps({"document": resolved}))
        obtain_benchmark(BenchmarkConfig.model_validate(resolved), folder)
    return paths


def entries() -> dict[str, Benchmark]:
    """Return how the items of each benchmark are asked and scored."""
    table = load_table(ROOT / "config/benchmarks.yaml").items()
    return {name: Benchmark.model_validate(entry.asked("miniature")) for name, entry in table}


def write_answers(root: Path, paths: dict[str, Path], runs: int) -> int:
    """Write answers in the stored form, and return their number."""
    rng, count, known = random.Random(0), 0, entries()
    (root / "responses").mkdir(exist_ok=True)
    for name, tsv in paths.items():
        lines = []
        for item in load_items(known[name], tsv):
            gold = item.extra["answer"][0] if item.extra.get("rule") else item.golds[0]
            for run in range(runs):
                said = gold if rng.random() < RIGHT else _wrong(item.answer_type, rng)
                text = f"{THOUGHT}</think>\n{rng.choice(SAYINGS).format(x=said)}"
                row = {"key": f"{name}/{item.key}", "run": run, "text": text, "tokens": 600}
                lines.append(json.dumps({**row, "finish_reason": "stop", "prompt_tokens": 300}))
        (root / "responses" / f"{name}.0-of-1.jsonl").write_text("\n".join(lines) + "\n")
        count += len(lines)
    return count


def _wrong(kind: str, rng: random.Random) -> str:
    if kind.startswith("mcq"):
        return rng.choice("ABCD")
    return rng.choice((str(rng.randrange(40)), "\\frac{7}{9}", "2\\sqrt{3}", "x+1"))


def time_prompts(paths: dict[str, Path]) -> tuple[float, int]:
    """Return the seconds to read all files, decode pictures and build prompts, and the number of prompts."""
    known, count = entries(), 0
    began = time.monotonic()
    for name, tsv in paths.items():
        count += sum(1 for _ in load_asked(known[name], tsv, tsv.parent / "images"))
    return time.monotonic() - began, count


def _config(runs: int) -> EvaluationConfig:
    """Return the tiny recipe's settings with this number of runs and 1,000 resamples."""
    recipe = load_project(ROOT, "tiny").recipe
    section = recipe.evaluation.model_dump(include=set(EvaluationSettings.model_fields))
    return EvaluationConfig.model_validate(
        {
            "version": 1, "name": "benchmarks", "seed": 0, "suite": "benchmarks",
            "template": recipe.template, "images": recipe.images, "grading": recipe.grading,
            "generation": {"engine": "transformers", "mode": "slow"},
            "evaluation": section | {"protocol": "report", "runs": runs, "resamples": 1000},
            "run": "perf", "checkpoint": "last", "selection": None,
            "benchmarks": {}, "entries": entries(), "held_out": {},
        }
    )  # fmt: skip


def time_scoring(root: Path, paths: dict[str, Path], runs: int) -> tuple[float, dict]:
    """Return the seconds from stored answers to verdicts and scores, and the scores."""
    config = _config(runs)
    began = time.monotonic()
    scores = score_evaluation(
        config,
        responses=root,
        benchmarks=paths,
        held_out={},
        folder=root / "scored",
    )
    return time.monotonic() - began, scores["benchmarks"]


def time_peer(root: Path, paths: dict[str, Path]) -> tuple[float, int, float]:
    """Return VLMEvalKit's seconds for the first run of plain choices, number of answers, and mean score."""
    peer = load_peer("dataset.utils.multiple_choice")
    seconds, answers, hits = 0.0, 0, 0.0
    for name in CHOICES:
        data = pd.read_csv(paths[name], sep="\t", dtype=str).drop(columns="image")
        stored = pd.read_json(root / "responses" / f"{name}.0-of-1.jsonl", lines=True)
        first = stored[stored["run"] == 0].set_index("key")["text"]
        texts = [first[f"{name}/{index}"] for index in data["index"]]
        data["prediction"] = [text.rpartition("</think>")[2] for text in texts]
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            began = time.monotonic()
            found = peer.mcq_vanilla_eval(None, data, data, 2, f"{folder}/result.pkl", "MMStar")
            seconds += time.monotonic() - began
        answers += len(found)
        hits += found["hit"].sum()
    return seconds, answers, hits / answers


def time_ours(root: Path, paths: dict[str, Path]) -> float:
    """Return our seconds for the first run of the same choices, with reading files and writing verdicts."""
    chosen = {name: paths[name] for name in CHOICES}
    return time_scoring(root, chosen, 1)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--share", type=float, default=1.0, help="of the published sizes")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="kept and used again; else a temporary one")
    args = parser.parse_args()
    root = args.folder or Path(tempfile.mkdtemp(prefix="r1v3-evaluate-"))
    began = time.monotonic()
    paths = write_files(root, args.share)
    answers = write_answers(root, paths, args.runs)
    print(f"files and {answers} answers written in {time.monotonic() - began:.0f} s (not counted)")
    prompts, items = time_prompts(paths)
    scoring, scores = time_scoring(root, paths, args.runs)
    peak = peak_rss() / 2**20
    print(f"{'benchmark':24}{'items':>8}{'score':>8}")
    for name, found in scores.items():
        print(f"{name:24}{found['n']:8d}{100 * found['mean']:8.1f}")
    print(f"prompts of {items} items {prompts:.1f} s; scoring of {answers} answers {scoring:.1f} s")
    result = {
        "items": items,
        "answers": answers,
        "prompts_seconds": round(prompts, 1),
        "scoring_seconds": round(scoring, 1),
        "answers_per_second": round(answers / scoring),
        "peak_mib": round(peak),
        "cores": len(os.sched_getaffinity(0)),
        "full_size": args.share == 1.0 and args.runs == 5,
    }
    faster = True
    if is_installed():
        theirs, count, hit = time_peer(root, paths)
        ours = time_ours(root, paths)
        faster = ours < theirs
        print(
            f"{count} choices of one run: VLMEvalKit {theirs:.1f} s (score {100 * hit:.1f}), we {ours:.1f} s"
        )
        result |= {"vlmevalkit_seconds": round(theirs, 1), "same_choices_seconds": round(ours, 1)}
    else:
        print("VLMEvalKit is not installed: its figure is left out")
    in_time = prompts + scoring < 60 * MINUTES
    result["ahead"] = bool(result["full_size"] and in_time and peak < MEMORY_MIB and faster)
    if args.folder is None:
        shutil.rmtree(root)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
