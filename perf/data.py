"""Clean a million questions, 50,000 of them with a picture: validation, duplicates, decontamination.

Generates rows and an evaluation of 20,000 questions (`data_rows.py`). Cleans a quarter of the rows and then
all of them, each in a process of its own, and compares the time for a record, which should not grow. Prints a
table and ends with one JSON line. `ahead` is true if memory stays below 2 GiB, the time is linear, planted
rows are found and no others are, and the run had its full size.

    .venv/bin/python perf/data.py [--records 1000000] [--folder /tmp/r1v3-data]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from data_rows import PICTURED, write_evaluation, write_rows  # noqa: E402

from r1v3.base.memory import peak_rss  # noqa: E402
from r1v3.data.decontamination.evaluation_index import index_evaluations  # noqa: E402
from r1v3.data.prepare import prepare  # noqa: E402
from r1v3.evaluate.questions import evaluation_questions  # noqa: E402
from r1v3.recipe.graph.configs import SourceDataConfig  # noqa: E402
from r1v3.recipe.layers import read_yaml  # noqa: E402

FULL, MEMORY_MIB = 1_000_000, 2048
LINEAR = 1.3  # limit of the growth of a record's time from a quarter to all rows, as timings vary
# Least share of planted rows that must be found.
FOUND = {
    "duplicate": 0.99,
    "text": 0.99,
    "picture": 0.95,
    "hostile": 1.0,
}

# Steps that reject planted rows. Two rows that repeat one question of the evaluation are duplicates too.
STEPS = {
    "duplicate": ("duplicate",),
    "text": ("contaminated", "duplicate"),
    "picture": ("contaminated",),
    "hostile": ("valid",),
}


def config_of(rows: Path, count: int) -> SourceDataConfig:
    """Return the config of a set of the generated rows, with the paper recipe's rules of cleaning."""
    entry = {
        "where": {"kind": "files", "places": [str(rows / "rows.jsonl")], "sha256": {}},
        "pictures": None, "mapping": "records", "constants": {"licence": "CC0-1.0"}, "rename": {},
        "licence": {"name": "CC0-1.0", "training": "allowed", "note": None}, "date": "2023",
    }  # fmt: skip
    source = {"kind": "listed", "entries": {"made": entry}, "split": "train", "instances": "train"}
    spec = {
        "kind": "source", "source": source, "size": count, "stands_in_for": None, "before": "2024-01-01",
        "undated": "drop", "balance": None, "duplicates": "drop", "contaminated": "drop",
    }  # fmt: skip
    cleaning = read_yaml(ROOT / "config/recipes/paper.yaml")["cleaning"]
    known = {"version": 1, "name": "made", "seed": 1, "cleaning": cleaning}
    return SourceDataConfig.model_validate(known | {"set": spec})


def measure(rows: Path, count: int, reference: Path, folder: Path) -> dict:
    """Clean the rows in this process, and return times, memory and counts."""
    begin, spent = time.monotonic(), time.process_time()
    facts = prepare(config_of(rows, count), folder, reference)
    with open(folder / "rejected.jsonl") as lines:
        out = [json.loads(line) for line in lines]
    found = dict.fromkeys(FOUND, 0)
    wrong = 0
    for line in out:
        planted = line["id"].partition("-")[0]
        if line["step"] in STEPS.get(planted, ()):
            found[planted] += 1
        else:
            wrong += 1
    return {
        "records": count,
        "seconds": time.monotonic() - begin,
        "cpu_seconds": time.process_time() - spent,
        "peak_mib": peak_rss() / 2**20,
        "kept": facts["records"],
        "pictures": facts["images"],
        "found": found,
        "wrongly_rejected": wrong,
        "index_mib": sum(p.stat().st_size for p in reference.rglob("*") if p.is_file()) / 2**20,
    }


def apart(count: int, root: Path) -> dict:
    """Generate rows, clean them in a process of its own, and return its measurements."""
    rows, folder = root / f"rows-{count}", root / f"set-{count}"
    planted_file = rows / "planted.json"
    if not planted_file.exists():
        begin = time.monotonic()
        planted = write_rows(rows, count)
        planted_file.write_text(json.dumps(planted))
        print(f"{count:,} rows generated in {time.monotonic() - begin:.0f} s", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = [sys.executable, __file__, "--measure", str(count), "--folder", str(root)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    shutil.rmtree(folder)
    result = json.loads(done.stdout.splitlines()[-1])
    return result | {"planted": json.loads(planted_file.read_text())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=FULL)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    root = args.folder or Path(tempfile.mkdtemp(prefix="r1v3-data-"))
    if args.measure:
        count = args.measure
        print(
            json.dumps(
                measure(root / f"rows-{count}", count, root / "reference", root / f"set-{count}")
            )
        )
        return
    root.mkdir(parents=True, exist_ok=True)
    if not (root / "reference" / "questions.jsonl").exists():
        write_evaluation(root / "evaluation")
        begin = time.monotonic()
        held = {"evaluation": root / "evaluation"}
        cleaning = config_of(root, 1).cleaning
        index_evaluations(cleaning, evaluation_questions({}, {}, held), root / "reference")
        print(
            f"evaluation of 20,000 questions indexed in {time.monotonic() - begin:.0f} s",
            flush=True,
        )
    quarter, whole = apart(args.records // 4, root), apart(args.records, root)
    print(
        f"\n{'records':>10} {'pictures':>9} {'seconds':>8} {'CPU s':>7} {'records/s':>10} {'peak MiB':>9}"
    )
    for each in (quarter, whole):
        print(
            f"{each['records']:>10,} {each['pictures']:>10,} {each['seconds']:>10.0f}"
            f" {each['cpu_seconds']:>10.0f} {each['records'] / each['seconds']:>10,.0f}"
            f" {each['peak_mib']:>10,.0f}"
        )
    shares = {kind: whole["found"][kind] / max(1, whole["planted"][kind]) for kind in FOUND}
    print(
        "found of what was planted: " + ", ".join(f"{k} {100 * s:.1f} %" for k, s in shares.items())
    )
    growth = (whole["cpu_seconds"] / whole["records"]) / (
        quarter["cpu_seconds"] / quarter["records"]
    )
    result = {
        "records": whole["records"],
        "pictures": whole["records"] // PICTURED,
        "records_per_second": round(whole["records"] / whole["seconds"]),
        "records_per_cpu_second": round(whole["records"] / whole["cpu_seconds"]),
        "peak_mib": round(whole["peak_mib"]),
        "index_mib": round(whole["index_mib"]),
        "time_a_record_against_a_quarter": round(growth, 3),
        "found": {kind: round(share, 4) for kind, share in shares.items()},
        "wrongly_rejected": whole["wrongly_rejected"],
        "cores": len(os.sched_getaffinity(0)),
        "full_size": args.records >= FULL,
    }
    met = [
        result["full_size"],
        whole["peak_mib"] < MEMORY_MIB,
        growth < LINEAR,
        all(shares[kind] >= least for kind, least in FOUND.items()),
        whole["wrongly_rejected"] == 0,
    ]
    if args.folder is None:
        shutil.rmtree(root)
    print(json.dumps(result | {"ahead": all(met)}))


if __name__ == "__main__":
    main()
