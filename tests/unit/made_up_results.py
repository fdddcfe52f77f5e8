"""Writes results of the tiny recipe with made-up numbers: real configs, no training."""

import json
from dataclasses import dataclass
from pathlib import Path

from r1v3.analyze.report.page import ReportFiles
from r1v3.recipe.graph.identity import Node
from r1v3.recipe.graph.results import ResultGraph

ROOT = Path(__file__).parents[2]
RUNS = ("base", "teacher", "cold_start", "rl", "final")
STEPS = (30, 60, 90, 120, 150)
CHOSEN = 120
HELD_OUT = {"base": (0.4, 0.0), "cold_start": (0.5, 0.9), "rl": (0.75, 1.0), "final": (0.74, 1.0)}
ENVIRONMENT = {
    "python": "3.11.2",
    "packages": {"torch": "2.13.0"},
    "platform": "Linux",
    "commit": "0123abc",
    "dirty": False,
}


@dataclass
class Tree:
    """The folder of the made-up results."""

    root: Path
    graph: ResultGraph
    steps: int

    def folder(self, node: Node) -> Path:
        return self.root / node.folder

    @property
    def runs(self) -> list[Path]:
        return [self.folder(self.graph.run(name)) / "manifest.json" for name in RUNS]

    @property
    def selection(self) -> Path:
        return self.folder(self.graph.selection("rl")) / "manifest.json"

    @property
    def data(self) -> list[Path]:
        names = ("cold_start", "math_normal", "multi_domain")
        return [self.folder(self.graph.data(name)) / "manifest.json" for name in names]

    @property
    def asked(self) -> list[Path]:
        names = self.graph.recipe.evaluation.benchmarks
        return [self.folder(self.graph.benchmark(name)) / "manifest.json" for name in names]

    @property
    def report_files(self) -> ReportFiles:
        """Return the files that `write_report` reads, without studies and changed numbers."""
        return ReportFiles(
            recipe="tiny",
            summary=self.root / "results/summary.json",
            runs=self.runs,
            selection=self.selection,
            checkpoints=self.checkpoints,
            data=self.data,
            benchmarks=self.benchmarks,
            asked=self.asked,
            table=ROOT / "config" / "benchmarks.yaml",
        )

    def scores(self, run: str, checkpoint: str, suite: str) -> Path:
        return self.folder(self.graph.evaluation(run, checkpoint, suite)) / "scores.json"

    @property
    def held_out(self) -> list[Path]:
        at = {"rl": "selected"}
        return [self.scores(run, at.get(run, "last"), "held_out") for run in HELD_OUT]

    @property
    def checkpoints(self) -> list[Path]:
        return [self.scores("rl", f"step-{step:06d}", "checkpoint") for step in STEPS]

    @property
    def benchmarks(self) -> Path:
        return self.scores("final", "last", "benchmarks")


def build_tree(root: Path, graph: ResultGraph) -> Tree:
    made = Tree(root, graph, steps=150)
    for name in RUNS:
        write_run(made, name)
    for path, facts in zip(made.data, data_facts(), strict=True):
        write_result(made, graph.data(path.parent.name.rpartition("-")[0]), facts)
    for path in made.asked:
        write_result(made, graph.benchmark(path.parent.name.rpartition("-")[0]), {})
    write_result(made, graph.selection("rl"), selection_facts(0.5))
    for run, (accuracy, form) in HELD_OUT.items():
        checkpoint = "selected" if run == "rl" else "last"
        score = {"accuracy": accuracy, "format": form, "n": 1000, "tokens": 9.0, "truncated": 0.0}
        sets = {"math": score, "multi_domain": {**score, "accuracy": accuracy - 0.2}}
        write_scores(made, (run, checkpoint, "held_out"), {"held_out": sets, "benchmarks": {}})
    for number, step in enumerate(STEPS):
        scores = {"mmmu_val": benchmark_score(0.5 + number / 50)}
        where = ("rl", f"step-{step:06d}", "checkpoint")
        write_scores(made, where, {"held_out": {}, "benchmarks": scores})
    names = graph.recipe.evaluation.benchmarks
    scores = {name: benchmark_score(0.3 + number / 50) for number, name in enumerate(names)}
    write_scores(made, ("final", "last", "benchmarks"), {"held_out": {}, "benchmarks": scores})
    return made


def write_result(tree: Tree, node: Node, facts: dict) -> Path:
    folder = tree.folder(node)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(node.config))
    manifest = {
        "kind": node.kind,
        "name": node.name,
        "hash": node.hash,
        "created": "2026-01-02T03:04:05+00:00",
        "files": {},
        "facts": facts,
        "environment": ENVIRONMENT,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def write_run(tree: Tree, name: str) -> None:
    node = tree.graph.run(name)
    last = f"checkpoints/step-{tree.steps:06d}"
    facts = {
        "steps": tree.steps,
        "checkpoints": [{"step": tree.steps, "path": last}],
        "last": last,
        "best": None,
    }
    if name == "final":
        facts |= {"best": "checkpoints/best", "best_step": 100}
    folder = write_result(tree, node, facts)
    reinforced = node.kind == "grpo"
    rows = [grpo_row(n) if reinforced else sft_row(n, name) for n in range(1, tree.steps + 1)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def grpo_row(step: int) -> dict:
    row = {"step": step, "reward": 0.5 + step / 500, "accuracy": 0.4 + step / 500, "format": 0.95}
    row |= {"response_length": 20 + step / 10, "truncated": 0.01, "entropy": 1 / (1 + step / 50)}
    row |= {"high_entropy_share": 0.001, "zero_variance_groups": 0.2, "critical_tokens": step % 7}
    row |= {"loss": 0.0, "learning_rate": 2e-4, "seconds": 1.5}
    row |= {f"grad_norm/{group}": 0.3 for group in ("vision_tower", "connector", "llm")}
    row |= {"repetition": 0.02, "entropy_histogram": [1000 - step, 10, 1], "clip_fraction": 0.0}
    return row | ({"critical_token_entropy": 1 - step / 300} if step % 7 else {})


def sft_row(step: int, name: str) -> dict:
    row = {"step": step, "loss": 4 / step, "learning_rate": 1e-3, "tokens": 900, "seconds": 0.25}
    return row | ({"validation_loss": 5 / step} if name == "final" and step % 10 == 0 else {})


def selection_facts(entropy: float | None) -> dict:
    """Return a selection whose checkpoints have this entropy, a little more for each, or none."""
    checkpoints = []
    for number, step in enumerate(STEPS):
        mean = None if entropy is None else entropy + number / 100
        wide = {"mean": mean, "low": mean and mean - 0.1, "high": mean and mean + 0.1, "count": 40}
        probe = {"step": step, "reward": 0.7, "accuracy": 0.6, "format": 1.0, "entropy": 0.2}
        probe |= {"high_entropy_share": 0.0, "critical_token_entropy": mean}
        none = {"mean": None, "low": None, "high": None, "count": 0}
        emitted = none if entropy is None else wide
        checkpoints.append({**probe, "emitted": emitted, "candidate": emitted, "control": none})
    facts = {
        "chosen": CHOSEN,
        "policy": "critical_entropy",
        "why": "highest critical-token entropy",
    }
    return {**facts, "checkpoints": checkpoints}


def data_facts() -> list[dict]:
    common = {"images": 90, "answer_type": {"fill": 40, "mcq": 60}, "difficulty": {"normal": 100}}
    funnel = {"asked": 100, "sampled": 300, "right": 180, "removed: rambling": 30, "kept": 60}
    sciences = {"biology": 15, "chemistry": 15, "mathematics": 15, "physics": 15}
    cold_start = {"records": 60, "domain": sciences, "task": {"sum": 60}, "funnel": funnel}
    cold_start |= {"pass_rate": 0.6, "questions_kept": 60}
    math = {"records": 100, "domain": {"plain": 100}, "task": {"line": 40, "sum": 60}}
    multi = {"records": 100, "domain": {f"domain_{n}": 5 for n in range(20)}, "task": {"sum": 100}}
    return [{**common, **facts} for facts in (cold_start, math, multi)]


def benchmark_score(mean: float) -> dict:
    score = {"mean": mean, "low": mean - 0.1, "high": mean + 0.1, "standard_error": 0.05, "n": 40}
    return score | {"runs": 5, "spread": 0.02, "clusters": 40, "by_run": [mean] * 5}


def write_scores(tree: Tree, where: tuple[str, str, str], scores: dict) -> None:
    node = tree.graph.evaluation(*where)
    folder = tree.folder(node)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(node.config))
    (folder / "scores.json").write_text(json.dumps(scores, sort_keys=True))
