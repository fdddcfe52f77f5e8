"""Stage `evaluate`: let one checkpoint answer a suite (section 4).

Reads the checkpoint and the suite's benchmarks or held-out sets. Writes responses/ in shards, and the
manifest responses.json. An interrupted job continues after its last complete shard.

    python workflow/scripts/evaluate.py --config results/evaluations/<run>/last/<suite>/config.json \
        --run results/runs/<run>/manifest.json \
        --benchmarks results/benchmarks/<benchmark>/manifest.json \
        --manifest results/evaluations/<run>/last/<suite>/responses.json
"""

import argparse
from functools import partial
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.evaluate.answer import answer, shard
from r1v3.recipe.graph.configs import EvaluationConfig
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.stage import drop_outdated, folders, read_config, run_stage, tables


def work(args: argparse.Namespace, config: EvaluationConfig, folder: Path) -> dict:
    return answer(
        config,
        model=checkpoint_folder(args.run, config.checkpoint, args.selection),
        benchmarks=tables(config.benchmarks, args.benchmarks),
        held_out=folders(config.held_out, args.held_out),
        folder=folder,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--selection", type=Path, nargs="?")
    parser.add_argument("--benchmarks", type=Path, nargs="*", default=[])
    parser.add_argument("--held-out", type=Path, nargs="*", default=[])
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    inputs = [args.run, args.selection, *args.benchmarks, *args.held_out]
    if shard()[1] > 1:  # this process answers its part; the last one writes the manifest
        drop_outdated(args.manifest, inputs)
        work(args, read_config(args.config, EvaluationConfig), args.manifest.parent)
        return
    run_stage(
        args.config,
        args.manifest,
        partial(work, args),
        EvaluationConfig,
        inputs=inputs,
    )


if __name__ == "__main__":
    run_main(main)
