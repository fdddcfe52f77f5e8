"""Measure what grows with a project: planned runs, jobs, steps of a curve, stored answers.

    python perf/large.py [--part runs] [--share 1.0]

Each part runs in its own process, once at a tenth of its size and once at its full size. Prints the processor
seconds and the peak memory of both. `ahead` says whether the aims are met: 5,000 runs are planned in 5 s, and
no part takes more than 15 times as long as its tenth.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow"), str(ROOT / "tests" / "unit")]

SECONDS = 5.0  # limit for the runs
GROWTH = 15.0  # limit of the growth of the time, for ten times the size


def runs(count: int, folder: Path) -> str:
    """Plan `count` runs: every branch of the tiny recipe with many seeds, each with its hash."""
    from r1v3.recipe.graph.results import ResultGraph
    from r1v3.recipe.load import load_project

    branches = len(load_project(ROOT, "tiny", None, 2).runs) - len(load_project(ROOT, "tiny").runs)
    graph = ResultGraph(load_project(ROOT, "tiny", None, max(1, round(count / branches))))
    graph.check()
    return f"{len(graph.project.runs)} runs"


def jobs(count: int, folder: Path) -> str:
    """Let Snakemake plan `count` jobs: all studies with many seeds, without any results."""
    from r1v3.recipe.load import load_project

    studies = len(load_project(ROOT, "tiny", None, 2).runs) - len(load_project(ROOT, "tiny").runs)
    seeds = max(1, round(count / studies / 12))  # a branch has probes and evaluations too
    called = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    called += ["-d", str(ROOT), "-n", "--quiet", "rules", "--nolock", "--cores", "1"]
    done = subprocess.run(
        [*called, "--config", f"seeds={seeds}", "--", "studies"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    total = next(line for line in done.stdout.splitlines() if line.startswith("total"))
    return f"{total.split()[1]} jobs"


def steps(count: int, folder: Path) -> str:
    """Read a curve of `count` steps, draw it, and write the page of a watched run."""
    from made_up_results import build_tree

    from r1v3.analyze.report.panels import grpo_picture
    from r1v3.analyze.results import read_result
    from r1v3.recipe.graph.results import ResultGraph
    from r1v3.recipe.load import load_project
    from r1v3.train.grpo.records.watch import read_run_so_far, write_watch_page

    graph = ResultGraph(load_project(ROOT, "tiny"))
    tree = build_tree(folder, graph)
    run = tree.root / graph.run("rl").folder
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    with open(run / "metrics.jsonl", "w") as file:
        for step in range(count):
            file.write(json.dumps(rows[step % len(rows)] | {"step": step + 1}) + "\n")
    picture = grpo_picture(read_result(run / "manifest.json"))
    write_watch_page(read_run_so_far(run), folder / "watch.html", every=10)
    page = (folder / "watch.html").stat().st_size
    return f"{count} steps, a figure of {len(picture) / 1e6:.1f} MB, a page of {page / 1e6:.1f} MB"


def answers(count: int, folder: Path) -> str:
    """Store `count` answers, look for missing ones, and read them all."""
    from r1v3.generate.store import Store, read_responses
    from r1v3.generate.types import Request, Response, Sampling

    sampling = Sampling(1.0, 1.0, 100, samples=5)
    asked = [Request(f"set/{number}", "2+2?", (), number) for number in range(count // 5)]
    text = "First read the cells: 3, 7, 1 and 4. The sum of the top is 3+7=10. " * 30
    store = Store(folder, "model")
    for request in store.missing(asked, sampling):
        drawn = range(sampling.samples)
        store.append([Response(request.key, each, text, (), (), "stop", 9, 500) for each in drawn])
    again = list(Store(folder, "model").missing(asked, sampling))
    read = sum(1 for _ in read_responses(folder, "set"))
    if again or read != 5 * len(asked):
        raise RuntimeError(f"{len(again)} asked again, {read} read")
    return f"{read} answers"


PARTS: dict[str, tuple[Callable[[int, Path], str], int]] = {
    "runs": (runs, 5000),
    "jobs": (jobs, 2000),
    "steps": (steps, 10_000),
    "answers": (answers, 100_000),
}


def measure(part: str, count: int) -> dict[str, object]:
    """Run one part in this process, and return what it did, its seconds, and its memory in MiB."""
    import resource

    from r1v3.base.memory import peak_rss

    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        said = PARTS[part][0](count, Path(folder))
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.process_time() - began + children.ru_utime + children.ru_stime
    most = max(peak_rss(), children.ru_maxrss * 1024)
    return {"said": said, "seconds": seconds, "mib": most / 2**20}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--share", type=float, default=1.0, help="of each part's size")
    parser.add_argument(
        "--alone", type=int, help="measure one part with this many, in this process"
    )
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(measure(options.part[0], options.alone)))
        return 0
    found = {}
    for part in options.part or PARTS:
        size = round(PARTS[part][1] * options.share)
        small, whole = (
            json.loads(
                subprocess.run(
                    [sys.executable, __file__, "--part", part, "--alone", str(count)],
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                ).stdout.splitlines()[-1]
            )
            for count in (max(1, size // 10), size)
        )
        for told in (small, whole):
            print(f"{told['said']:60} {told['seconds']:7.1f} s {told['mib']:7.0f} MiB", flush=True)
        found[part] = {
            "seconds": whole["seconds"],
            "growth": whole["seconds"] / small["seconds"],
            "memory_growth": whole["mib"] / small["mib"],
        }
    fast = found.get("runs", {}).get("seconds", 0) < SECONDS
    ahead = fast and all(part["growth"] < GROWTH for part in found.values())
    print(json.dumps({**found, "ahead": ahead}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
