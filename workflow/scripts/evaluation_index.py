"""Stage `evaluation_index`: index the questions that training data must not have (decontamination).

Reads the TSV files of the benchmarks, and the held-out sets. Writes an index of their texts and pictures.

    python workflow/scripts/evaluation_index.py --config results/evaluation_index/<id>/config.json \
        --benchmarks ... --held-out ... --manifest results/evaluation_index/<id>/manifest.json
"""

import argparse
from functools import partial
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.data.decontamination.evaluation_index import index_evaluations
from r1v3.evaluate.questions import evaluation_questions
from r1v3.recipe.graph.configs import EvaluationIndexConfig
from r1v3.recipe.outputs.stage import run_stage


def work(args: argparse.Namespace, config: EvaluationIndexConfig, folder: Path) -> dict:

    def name_of(manifest: Path) -> str:
        return manifest.parent.name.rpartition("-")[0]

    benchmarks = {name_of(path): path.parent / f"{name_of(path)}.tsv" for path in args.benchmarks}
    held_out = {name_of(path): path.parent for path in args.held_out}
    questions = evaluation_questions(config.benchmarks, benchmarks, held_out)
    return index_evaluations(config.cleaning, questions, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--benchmarks", type=Path, nargs="*", default=[], help="manifests")
    parser.add_argument("--held-out", type=Path, nargs="*", default=[], help="manifests")
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    run_stage(
        args.config,
        args.manifest,
        partial(work, args),
        EvaluationIndexConfig,
        inputs=[*args.benchmarks, *args.held_out],
    )


if __name__ == "__main__":
    run_main(main)
