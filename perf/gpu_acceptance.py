"""Check that this project is right and fast on a GPU: 25 minutes on one H100 or H200, with torch alone.

Each line says ok, BAD and why, or info if nothing is judged. The last line is JSON. The exit code is 1 if a
line is BAD. A part that fails is BAD, and the other parts go on. Parts for which no time is left are BAD.

    PYTHONPATH=workflow python perf/gpu_acceptance.py [--model 8B] [--parts update,bits]
    python perf/gpu_acceptance.py --tiny    # on a CPU: checks only that the script runs, and what is right

It needs torch, transformers and this checkout. The part `zero` needs DeepSpeed too. If the optimizer's
averages of a model do not fit, the model has fewer layers of the same shape.
"""

import argparse
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

import torch
from gpu_model import World
from gpu_parts import PARTS, Line, judge, note

MINUTES = 25.0


def written(line: Line) -> str:
    """Return a line as it is printed."""
    mark = {None: "info", True: "ok  ", False: "BAD "}[line.ok]
    values = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in line.values.items()
    )
    return (
        f"{mark} {line.what}"
        + (f": {values}" if values else "")
        + (f" ({line.why})" if line.why else "")
    )


def machine() -> Line:
    """Return a line about the GPU or CPU, its libraries, and its load."""
    values = {"torch": torch.__version__, "busy": round(os.getloadavg()[0], 1)}
    values["cores"] = len(os.sched_getaffinity(0))
    if not torch.cuda.is_available():
        return note(platform.processor() or platform.machine(), **values)
    free, whole = torch.cuda.mem_get_info()
    values |= {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}
    return note(
        torch.cuda.get_device_name(), **values, gb=whole / 1e9, gb_used=(whole - free) / 1e9
    )


def run(world: World, names: list[str], minutes: float) -> Iterator[tuple[str, Line]]:
    """Yield the lines of all parts as they are measured."""
    began = time.monotonic()
    for name in names:
        if time.monotonic() - began > 60 * minutes:
            yield name, judge(False, name, f"not begun: {minutes:.0f} minutes are over")
            continue
        own = time.monotonic()
        try:
            for line in PARTS[name](world):
                yield name, line
        except Exception as error:
            said = str(error).strip().splitlines()
            why = f"{type(error).__name__}: {said[0][:300] if said else ''}"
            yield name, judge(False, name, why)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        yield name, note(f"part {name}", seconds=time.monotonic() - own)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", choices=["1B", "8B"], default="1B")
    parser.add_argument("--parts", default=",".join(PARTS), help="names, with commas between")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--tiny", action="store_true", help="a small model, on a processor too")
    args = parser.parse_args()
    names = args.parts.split(",")
    if strange := [name for name in names if name not in PARTS]:
        parser.error(f"--parts: there is no {', '.join(strange)}; allowed: {', '.join(PARTS)}")
    if not args.tiny and not torch.cuda.is_available():
        parser.error("no CUDA device is here; --tiny runs on a processor")
    first = machine()
    print(written(first), flush=True)
    lines: list[tuple[str, Line]] = []
    for name, line in run(World(args.model, args.tiny), names, args.minutes):
        print(written(line), flush=True)
        lines.append((name, line))
    bad = [line.what for _, line in lines if line.ok is False]
    found = [
        {"part": name, "ok": line.ok, "what": line.what, "why": line.why, **line.values}
        for name, line in lines
    ]
    told = {"model": args.model, "tiny": args.tiny, "machine": first.what, **first.values}
    print(json.dumps(told | {"bad": bad, "lines": found}, default=str))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
